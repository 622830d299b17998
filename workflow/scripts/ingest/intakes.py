"""Intakes: manifests that a way in writes by itself, each run with a results folder of its own.

    <watch.intakes>/<way in>/<id>/manifest.csv    the rows; what else the way in keeps, beside it
                                 /results/        of the run of this manifest

`ingest.watch` asks every way in for new intakes and runs those that are not complete, one at a
time. An intake's folder appears whole, by one rename: what is half written has no name that anybody
looks for.
"""

from __future__ import annotations

import csv
import io
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ingest import tool_words
from ingest.atomic import fsync_folder, write_text

MANIFEST = "manifest.csv"
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Intake:
    """The folder of one intake; its name is the intake's id."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def manifest(self) -> Path:
        return self.folder / MANIFEST

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def command(self) -> str:
        """What a person types to run it."""
        return tool_words.command(
            config={"manifest": str(self.manifest), "results": str(self.results)}
        )

    @property
    def complete(self) -> bool:
        """Whether its last run ended with every row in OMERO."""
        return (self.results / "complete").exists()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of an intake ended. `attempts` counts its runs; with `gave_up` none will follow by
    itself; `status` is the exit status of Snakemake, 0 when every row is in OMERO."""

    intake: Intake
    status: int
    attempts: int
    gave_up: bool = False


class WayIn(Protocol):
    """Where intakes come from. After a kill, all of it may be called again for the same intake:
    what was done already must not be done twice."""

    @property
    def name(self) -> str:
        """The name of its folder among the intakes, like `drop`."""

    def collect(self) -> Sequence[Intake]:
        """Look for what is new and write intakes for it; those written by this call.

        Raises StageError when nothing can be looked at, such as a database that does not answer.
        """

    def prepare(self, intake: Intake) -> bool:
        """Called before each run of an intake; False: nothing of it is left to be done."""

    def running(self, intake: Intake) -> None:
        """Called now and then while the intake is run: its results are growing."""

    def report(self, outcome: Outcome) -> None:
        """Called after each run of an intake, at least once."""


def write_intake(
    folder: Path, rows: Sequence[Mapping[str, str]], beside: Mapping[str, str] | None = None
) -> Intake:
    """Make the intake `folder`, with `rows` (column: cell) as its manifest and, next to it, the
    texts of `beside` (file name: content). One that is there already is left as it is."""
    if folder.exists():
        return Intake(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.parent / f".{uuid.uuid4().hex}{_PARTIAL}"
    partial.mkdir()
    for name, content in {**(beside or {}), MANIFEST: manifest_text(rows)}.items():
        write_text(partial / name, content)
    partial.rename(folder)
    fsync_folder(folder.parent)
    return Intake(folder)


def manifest_text(rows: Sequence[Mapping[str, str]]) -> str:
    """A manifest with these rows; a column that a row lacks is empty in it."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_rows(intake: Intake) -> list[dict[str, str]]:
    """The rows of an intake's manifest, in their order."""
    with intake.manifest.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def intakes_of(folder: Path) -> list[Intake]:
    """The intakes of one way in, in the order of their names."""
    if not folder.is_dir():
        return []
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    return [Intake(folder / name) for name in names if (folder / name / MANIFEST).is_file()]


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes began to write. The caller holds the way in's lock."""
    for path in folder.glob(f".*{_PARTIAL}"):
        shutil.rmtree(path)
