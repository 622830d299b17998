"""When a batch last failed, by stage: what makes a rerun try the failed filesets again.

The time of a batch's last failure is kept even after a success, because Snakemake runs a job again
whenever the value differs from the one of the job's last run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest.atomic import write_text
from ingest.fileset import Record, StageError
from ingest.records import read_records

TARGETS = "targets"
STAGES = ("convert", "checksum", TARGETS, "transfer", "import", "annotate")
FOLDER = ".failures"
WORDS = "job.txt"  # in it: why a job of the present run ended without its records


@dataclass(frozen=True)
class Failures:
    """`times[stage][batch]` is a UTC time in ISO 8601 with microseconds."""

    times: Mapping[str, Mapping[str, str]]

    def since(self, stage: str, batch: str) -> str:
        """The batch's latest failure at this stage or one after it; empty when there is none."""
        later = STAGES[STAGES.index(stage) :]
        return max((self.times[name].get(batch, "") for name in later), default="")

    def at(self, stage: str) -> str:
        """The latest failure of any batch at this stage; empty when there is none."""
        return max(self.times[stage].values(), default="")


def note_failure(results: Path, stage: str, batch: str) -> None:
    """Notes that a fileset of the batch failed at this stage, now."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    write_text(results / FOLDER / stage / batch, now)


def note_words(results: Path, words: str) -> None:
    """Keeps why a job ended as a whole, for the end of the run to tell; "" at its beginning."""
    (results / FOLDER).mkdir(parents=True, exist_ok=True)
    write_text(results / FOLDER / WORDS, words)


def last_words(results: Path) -> str:
    """Why a job of this run ended as a whole (the latest that did); empty when none did."""
    path = results / FOLDER / WORDS
    return path.read_text(encoding="utf-8") if path.exists() else ""


def last_failures(results: Path) -> Failures:
    """When each batch last failed, by stage."""
    return Failures({stage: _read(results / FOLDER / stage) for stage in STAGES})


def failed_since(results: Path, earlier: Failures) -> list[Record]:
    """The records of filesets that failed, or are unfinished, since `earlier` was read."""
    records = (
        results / stage / f"{batch}.jsonl"
        for stage, batches in last_failures(results).times.items()
        for batch, time in sorted(batches.items())
        if time != earlier.times[stage].get(batch)
    )
    return [
        record
        for path in records
        if path.exists()  # a job that was killed left none, and the targets have none
        for record in _whole(path)
        if record.status in ("error", "unfinished")
    ]


def _whole(path: Path) -> Iterable[Record]:
    try:
        return read_records(path).values()
    except StageError as error:
        return [Record(path.stem, path.parent.name, "error", error.cause, error.remedy)]


def _read(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        return {}
    return {
        path.name: path.read_text(errors="replace")
        for path in folder.iterdir()
        if not path.name.startswith(".")  # a temporary name of an interrupted write
    }
