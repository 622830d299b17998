"""What became of every fileset, and the table `results/imported.csv` that says so."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest import failures
from ingest.atomic import write_text
from ingest.csv_text import csv_text
from ingest.fileset import Fileset, Record, SourceFile, Status
from ingest.records import read_filesets, read_records

# Targets are made by one job for the whole run: they have no records of filesets.
STAGES = tuple(stage for stage in failures.STAGES if stage != failures.TARGETS)
TO_DO = "to do"  # where no run is at its end: what a stage has no record of
COLUMNS = (
    "fileset",
    "status",
    "cause",
    "path",
    "fileset_id",
    "image_ids",
    "plate_ids",
    "target",
    "files",
    "bytes",
    "algorithm",
    "seconds",
)


@dataclass(frozen=True, slots=True)
class StageRun:
    """One stage at work on one fileset: `started` is UTC in ISO 8601, `seconds` a duration."""

    stage: str
    started: str
    seconds: float
    host: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fileset at the end of the run.

    `status` is `ok` when every stage succeeded, `notneeded` (with a cause) when the import found
    the fileset in OMERO; otherwise it is that of the first stage that did not succeed, whose name,
    cause and remedy are here too (`plan` for a row that was refused and skipped).
    `is_recorded` is false when that stage has no record of it: its job is to do (again).
    `files` and `facts` are what the stages that succeeded found out, the later one's word winning.
    """

    fileset: Fileset
    status: Status
    stage: str = ""
    cause: str = ""
    remedy: str = ""
    is_recorded: bool = True
    files: tuple[SourceFile, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    stage_runs: tuple[StageRun, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is left to do."""
        return self.status in ("ok", "notneeded")

    @property
    def fileset_id(self) -> int | None:
        """OMERO's id; present as soon as the import succeeded, even when a later stage failed."""
        return self.facts.get("fileset_id")

    @property
    def fileset_ids(self) -> list[int]:
        """Those of OMERO: several where a converter made several filesets of the row."""
        several = [its.get("fileset_id") for its in self.facts.get("imports", ())]
        return [each for each in several or [self.fileset_id] if each is not None]

    @property
    def failed(self) -> bool:
        return not self.ok and self.status != "unfinished"

    @property
    def found_fileset(self) -> int | None:
        """OMERO's id of the fileset that was there already, and therefore not imported."""
        return self.facts.get("found_fileset")

    @property
    def image_ids(self) -> list[int]:
        return self.facts.get("image_ids", [])

    @property
    def plate_ids(self) -> list[int]:
        return self.facts.get("plate_ids", [])

    @property
    def target(self) -> str:
        """Where it is in OMERO, as `Dataset:5`; before the import, what its row asked for."""
        target = self.facts.get("target")
        return f"{target['type']}:{target['id']}" if target else self.fileset.target

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def seconds(self) -> float:
        return sum(run.seconds for run in self.stage_runs)


def collect(results: Path, batches: Iterable[str]) -> list[Outcome]:
    """The outcomes of the batches' filesets, in the manifest's order.

    Reads `results/plan/<batch>.jsonl` and `results/<stage>/<batch>.jsonl`. A stage that left no
    record of a fileset counts as failed for it.
    """
    # A row that was put between others is in a batch of its own, after theirs.
    return sorted(_outcomes(results, batches), key=lambda outcome: outcome.fileset.row)


def _outcomes(results: Path, batches: Iterable[str]) -> Iterator[Outcome]:
    for batch in batches:
        name = f"{batch}.jsonl"
        records = {
            stage: read_records(results / stage / name)
            for stage in STAGES
            if (results / stage / name).exists()
        }
        for fileset in read_filesets(results / "plan" / name):
            yield outcome(fileset, {stage: of.get(fileset.id) for stage, of in records.items()})


def outcome(fileset: Fileset, records: Mapping[str, Record | None]) -> Outcome:
    """The outcome of one fileset, from its record of each stage."""
    if fileset.problem:
        problem = fileset.problem
        return Outcome(fileset, "impossible", "plan", problem.cause, problem.remedy)
    files: tuple[SourceFile, ...] = ()
    facts: dict[str, Any] = {}
    stage_runs: list[StageRun] = []
    failed: dict[str, Any] = {"status": "ok"}
    for stage in STAGES:
        record = records.get(stage)
        if record is None:
            failed = {
                "status": "error",
                "stage": stage,
                "cause": f"{stage} left no record of it",
                "remedy": "Run the same command again.",
                "is_recorded": False,
            }
            break
        if record.started:
            stage_runs.append(StageRun(stage, record.started, record.seconds, record.host))
        if not record.succeeded:
            failed = {
                "status": record.status,
                "stage": stage,
                "cause": record.cause,
                "remedy": record.remedy,
            }
            break
        files = record.files or files
        facts.update(record.facts)
        if "found_fileset" in facts and stage == "import":
            failed = {"status": "notneeded", "stage": stage, "cause": record.cause}
    return Outcome(fileset, files=files, facts=facts, stage_runs=tuple(stage_runs), **failed)


def write_table(path: Path, outcomes: Iterable[Outcome]) -> None:
    """Write `outcomes` to `path` as CSV (UTF-8) with the columns `COLUMNS`; ids are `;`-separated.

    `bytes` and `files` are of the source files, `seconds` the stages' times added up.
    """
    write_text(path, csv_text(COLUMNS, map(_row, outcomes)))


def all_ok(table: Path) -> bool:
    """Whether nothing is left to do for any fileset in a table that `write_table` wrote."""
    with table.open(newline="", encoding="utf-8") as lines:
        return all(row["status"] in ("ok", "notneeded") for row in csv.DictReader(lines))


def _row(outcome: Outcome) -> tuple[object, ...]:
    return (
        outcome.fileset.id,
        outcome.status,
        outcome.cause,
        outcome.fileset.path,
        outcome.fileset_ids or outcome.found_fileset or "",
        outcome.image_ids,
        outcome.plate_ids,
        outcome.target,
        len(outcome.files),
        outcome.bytes,
        outcome.facts.get("algorithm", ""),
        f"{outcome.seconds:.3f}",
    )
