"""What a results folder's journal knows of the rows whose import was begun, or is done.

The journal, not the records of the batches: it also knows the rows that have left the manifest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest import parts
from ingest.fileset import Record, SourceFile
from ingest.journal import Journal, last_done

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """One row whose import was begun.

    `record` is that of its import, None until one has ended well: its files, with their digests, as
    OMERO was given them. `sources` are the files as they were hashed for it (of a converted row:
    what the converter made). `removed` are the paths that a stage announced to remove, `protected`
    those that it announced to make read-only. `begun` holds the intents by import id; `taken_out`
    are the ids of those imports that are known to be out of OMERO again, `open` those of which
    nobody knows yet how they end; `in_flight` says that there are such, or that its links are being
    led elsewhere, or that it is being taken out. `events` counts what the row's `journals` had, to
    see whether they go on; `done` is the time of the record.
    """

    id: str
    record: Record | None
    sources: tuple[SourceFile, ...]
    removed: frozenset[str]
    protected: frozenset[str]
    begun: Mapping[str, Event]
    taken_out: frozenset[str]
    open: frozenset[str]
    in_flight: bool
    done: str
    journals: tuple[str, ...]
    events: int

    @property
    def imports(self) -> list[dict[str, Any]]:
        """The facts of each import that should be in OMERO (see `parts.imports`)."""
        if self.record is None:
            return []
        return [
            facts
            for facts in parts.imports(self.record)
            if facts.get("import_id") not in self.taken_out
        ]


def imported_rows(journal: Journal) -> Iterator[ImportedRow]:
    """All rows whose import was begun, by id."""
    journals: dict[str, list[str]] = {}
    for path in journal.folder.glob("*/*.jsonl"):
        name = path.name.removesuffix(".jsonl")
        journals.setdefault(parts.row_id(name), []).append(name)
    for row, names in sorted(journals.items()):
        found = imported_row(journal, row, names)
        if found.record or found.begun:
            yield found


def imported_row(journal: Journal, row: str, journals: Sequence[str]) -> ImportedRow:
    """One row, from its own journal and those of its further imports."""
    own = journal.events(row)
    of_parts = [event for name in journals if name != row for event in journal.events(name)]
    events = own + of_parts
    done = last_done(own, "import")
    record = Record.from_json(done["record"]) if done else None
    later = events
    ended = {e["removed_import"] for e in events if "removed_import" in e}
    if done and record:
        # The parts' journals are files of their own: only the time tells what came later.
        later = own[own.index(done) :] + [e for e in of_parts if e["time"] > done["time"]]
    recorded = {facts.get("import_id") for facts in parts.imports(record)} if record else set()
    still_open = frozenset(
        e["import_id"] for e in later if "import_id" in e and e["import_id"] not in ended | recorded
    )
    return ImportedRow(
        id=row,
        record=record,
        sources=_sources(own, record) if record else (),
        removed=frozenset(path for e in events for path in e.get("removes", ())),
        protected=frozenset(path for e in events for path in e.get("protects", ())),
        begun={e["import_id"]: e for e in events if "import_id" in e},
        taken_out=frozenset(ended),
        open=still_open,
        in_flight=bool(still_open) or any(_undoes(e, ended) for e in later),
        done=done["time"] if done else "",
        journals=tuple(journals),
        events=len(events),
    )


def _undoes(event: Event, ended: set[str]) -> bool:
    """Whether `relink` or `rollback` announced something that no later record tells the end of."""
    return "links" in event or event.get("rolls_back", "") not in {"", *ended}


def _sources(events: list[Event], record: Record) -> tuple[SourceFile, ...]:
    """The files as they were hashed for this import: a later run may have met repaired ones."""
    imported = {file.name: file.digests for file in record.files}
    for event in reversed(events):
        if (event["stage"], event["event"]) != ("checksum", "done"):
            continue
        files = Record.from_json(event["record"]).files
        if {file.name for file in files} == set(imported) and all(
            _agree(file.digests, imported[file.name]) for file in files
        ):
            return files
    return ()


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one[name] == other[name] for name in one.keys() & other.keys())
