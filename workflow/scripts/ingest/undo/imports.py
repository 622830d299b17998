"""What the runs of a results folder imported: its journal, and the plan of the last run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.context import Context
from ingest.fileset import Fileset, Record, StageError
from ingest.imported import ImportedRow, imported_rows
from ingest.journal import Journal, last_done
from ingest.plan import PlanError, load_index
from ingest.records import read_filesets


@dataclass(frozen=True)
class Begun:
    """An import that was begun and is not known to be out of OMERO again."""

    import_id: str
    database: str
    session_id: int
    user: str
    group: str
    transfer: str


@dataclass(frozen=True)
class Row:
    """A row whose import was begun.

    `batch` and `fileset` are those of the plan; None when the row is not in the manifest any more.
    """

    imported: ImportedRow
    batch: str | None
    fileset: Fileset | None
    journal: Journal

    @property
    def id(self) -> str:
        return self.imported.id

    @property
    def begun(self) -> list[Begun]:
        names = ("import_id", "database", "session_id", "user", "group", "transfer")
        return [
            Begun(**{name: event[name] for name in names})
            for import_id, event in self.imported.begun.items()
            if import_id not in self.imported.taken_out
        ]

    @property
    def found_there(self) -> bool:
        """Whether nothing was imported for the row, because OMERO had its fileset."""
        record = self.imported.record
        return record is not None and "found_fileset" in record.facts

    def events(self) -> list[dict[str, Any]]:
        return self.journal.events(self.id)

    def done(self, stage: str) -> Record | None:
        """The record with which a stage last ended well."""
        event = last_done(self.events(), stage)
        return Record.from_json(event["record"]) if event else None


def batches(context: Context) -> list[str]:
    """The batches of the plan; StageError when there is none: nothing was ever run here."""
    try:
        return list(load_index(context.results).batches)
    except PlanError:
        raise StageError(
            f"{context.results} holds no plan of a run",
            "Give the option results the folder of the run that is meant.",
        ) from None


def rows(context: Context) -> Iterator[Row]:
    """All rows whose import was begun, those that have left the manifest too, by id."""
    planned = {
        fileset.id: (batch, fileset)
        for batch in batches(context)
        for fileset in read_filesets(context.results / "plan" / f"{batch}.jsonl")
    }
    for imported in imported_rows(context.journal):
        batch, fileset = planned.get(imported.id, (None, None))
        yield Row(imported, batch, fileset, context.journal)


def record_path(results: Path, stage: str, batch: str) -> Path:
    """Where a stage's records of a batch are."""
    return results / stage / f"{batch}.jsonl"
