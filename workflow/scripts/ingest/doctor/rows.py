"""The manifest as doctor sees it: the rows that are right, and what is wrong with the others."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.config import Config, ConfigError
from ingest.conversion.options import parse_request
from ingest.doctor.findings import Finding, Status
from ingest.fileset import Fileset, StageError
from ingest.journal import JOURNAL, Journal, last_done
from ingest.listed_files import listed_files
from ingest.manifest_problems import ManifestError, RowProblem
from ingest.words import counted

FILES = 50_000  # looked at in all: enough to find what is wrong, soon enough to wait for
SHOWN = 20  # problems of the manifest told one by one


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is not in OMERO yet.

    `files` are those known without opening any, `size` about how many bytes they have. `landed`:
    a transfer (or conversion) to the store has been done.
    """

    fileset: Fileset
    files: tuple[str, ...]
    size: int
    landed: bool = False

    @property
    def converter(self) -> str:
        return self.fileset.convert.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Rows:
    """`is_known` is false when there is no manifest to speak of; `done` counts rows in OMERO."""

    is_known: bool
    todo: tuple[Row, ...]
    findings: tuple[Finding, ...]
    done: int = 0


def read_rows(config: Config) -> Rows:
    """Never raises for what is wrong with the manifest: that is among the findings."""
    # It takes its time to load, and only this check needs it.
    from ingest.manifest import read_manifest

    try:
        manifest = read_manifest(config.model_copy(update={"invalid_rows": "skip"}))
    except ManifestError as error:
        return Rows(False, (), tuple(_problems(config.manifest, error.problems, "fix")))
    except ConfigError as error:
        remedy = "Correct it in the configuration."
        return Rows(False, (), (Finding("fix", "manifest", str(error), remedy),))
    journal = Journal(config.results / JOURNAL)
    todo: list[Row] = []
    done, left = 0, FILES
    for fileset in manifest.rows:
        if fileset.problem:
            continue
        events = journal.events(fileset.id)
        if last_done(events, "import"):
            done += 1
            continue
        files = files_of(fileset, left)
        left -= len(files)
        landed = bool(last_done(events, "transfer"))
        todo.append(Row(fileset, files, manifest.sizes.get(fileset.row, 0), landed))
    status: Status = "warn" if config.invalid_rows == "skip" else "fix"
    found = [*_problems(config.manifest, manifest.problems, status)]
    if not found:
        count = len(todo) + done
        also = f", of which {done} in OMERO already" if done else ""
        text = f"{config.manifest}: {counted(count, 'row')} without a problem{also}"
        found = [Finding("ok", "manifest", text)]
    return Rows(True, tuple(todo), tuple(found), done)


def _problems(manifest: Path, problems: Sequence[RowProblem], status: Status) -> Iterator[Finding]:
    for problem in problems[:SHOWN]:
        place = [str(manifest)] if not problem.row else [f"row {problem.row}"]
        place += [f"column {problem.column}"] if problem.column else []
        text = f"{', '.join(place)}: {problem.cause}"
        yield Finding(status, "manifest", text, problem.remedy)
    if len(problems) > SHOWN:
        yield Finding(
            status,
            "manifest",
            f"{len(problems) - SHOWN} more problems of rows",
            "Fix these first, or see them all with `snakemake -n`.",
        )


def files_of(fileset: Fileset, at_most: int = sys.maxsize) -> tuple[str, ...]:
    """Those that a row names, or that lie in the folder it names: without opening any."""
    if at_most <= 0:
        return ()
    try:
        if fileset.files:
            return tuple(listed_files(fileset)[:at_most])
    except StageError:
        return ()
    if not Path(fileset.path).is_dir():
        return (fileset.path,) if os.path.lexists(fileset.path) else ()
    found: list[str] = []

    def note(error: OSError) -> None:
        found.append(str(error.filename))  # it stands for the files that cannot be listed

    for above, folders, names in os.walk(fileset.path, onerror=note):
        folders.sort()
        found += [f"{above}/{name}" for name in sorted(names)]
        if len(found) >= at_most:
            break
    return tuple(found[:at_most])


def converters_asked(rows: Sequence[Row], config: Config) -> set[str]:
    """The names of the converters that rows ask for."""
    asked = {row.converter for row in rows if row.converter}
    if config.defaults.convert:
        asked.add(parse_request(config.defaults.convert, config.converters).name)
    return asked
