"""The filesets that a results folder's runs have in OMERO, and why one of them is to stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ingest.chunks import in_chunks
from ingest.context import Context
from ingest.fileset import Problem, SourceFile, StageError
from ingest.metadata.noted_tags import noted_tags
from ingest.omero import queries
from ingest.omero.errors import Passing
from ingest.omero.queries import Entry
from ingest.omero.recovery import import_state
from ingest.omero.repository import ManagedRepository, open_repository
from ingest.omero.session import Session
from ingest.undo.imports import Begun, Row
from ingest.undo.last_copies import LastCopy, last_copies, problem_of
from ingest.undo.options import Rollback
from ingest.undo.uses import Imported, look_at_uses

State = Literal["remove", "removed", "refused", "failed", "gone"]
COLUMNS = (
    "fileset", "omero_fileset", "images", "plates", "user", "group", "transfer", "state", "uses",
    "cause", "remedy",
)  # fmt: skip
_AT_ONCE = 500  # import ids per query


@dataclass
class Item:
    """One import of a row. `omero` is None when OMERO has nothing of it (any more)."""

    row: Row
    begun: Begun
    omero: Imported | None
    state: State = "remove"
    cause: str = ""
    remedy: str = ""
    files: tuple[SourceFile, ...] = ()

    def set(self, state: State, problem: Problem) -> None:
        self.state, self.cause, self.remedy = state, problem.cause, problem.remedy

    def to_json(self) -> dict[str, Any]:
        omero = self.omero
        values = (
            self.row.id, omero.fileset_id if omero else "", omero.images if omero else [],
            omero.plates if omero else [], self.begun.user, self.begun.group, self.begun.transfer,
            self.state, omero.uses if omero else [], self.cause, self.remedy,
        )  # fmt: skip
        return dict(zip(COLUMNS, values, strict=True))


def looked_at(
    rows: Sequence[Row], database: str, options: Rollback, context: Context
) -> list[Item]:
    """The imports of these rows into this database, looked at as the users who own them."""
    accounts: dict[tuple[str, str], list[tuple[Row, Begun]]] = {}
    for row in rows:
        for begun in row.begun:
            if begun.database == database:
                accounts.setdefault((begun.user, begun.group), []).append((row, begun))
    items: list[Item] = []
    for (user, group), wanted in accounts.items():
        try:
            with context.sessions.using(user, group) as session:
                items += _of_account(session, wanted, options, context)
        except Passing:
            raise
        except StageError as error:
            problem = Problem(error.cause, error.remedy)
            for row, begun in wanted:
                item = Item(row, begun, None)
                item.set("refused", problem)
                items.append(item)
        context.sessions.release(user, group)
    return items


def _of_account(
    session: Session,
    wanted: Sequence[tuple[Row, Begun]],
    options: Rollback,
    context: Context,
) -> list[Item]:
    by_id = {begun.import_id: (row, begun) for row, begun in wanted}
    items = []
    for fileset_id, import_id in _filesets(session, list(by_id)):
        row, begun = by_id[import_id]
        items.append(Item(row, begun, _imported(row, begun, fileset_id, context)))
    look_at_uses(session, [item.omero for item in items if item.omero])
    repository = open_repository(session, context.config.omero.managed_repository)
    for item in items:
        try:
            problem = _problem(session, item, repository, options)
        except Passing:
            raise
        except StageError as error:
            problem = Problem(error.cause, error.remedy)
        if problem:
            item.set("refused", problem)
    there = {item.begun.import_id for item in items}
    gone = [Item(row, begun, None, "gone") for row, begun in wanted if begun.import_id not in there]
    return items + gone


def _filesets(session: Session, import_ids: list[str]) -> Iterator[tuple[int, str]]:
    for some in in_chunks(import_ids, _AT_ONCE):
        yield from queries.filesets_with_import_ids(session, some)


def _imported(row: Row, begun: Begun, fileset_id: int, context: Context) -> Imported:
    annotations = set(noted_tags(context.results))
    for event in row.events():
        if (event["stage"], event["event"]) == ("annotate", "done"):
            facts = event["record"]["facts"]
            ids = [facts.get("key_values_id"), facts.get("source_id")]
            ids += [*facts.get("converter_ids", ()), *facts.get("tags", {}).values()]
            annotations.update(each for each in ids if each is not None)
    return Imported(
        fileset_id,
        begun.session_id,
        row.imported.begun[begun.import_id].get("target", ""),
        frozenset(annotations),
        context.config.annotate.namespace_prefix,
    )


def _problem(
    session: Session, item: Item, repository: ManagedRepository, options: Rollback
) -> Problem | None:
    """Why a fileset is not to be taken out; None when it may be."""
    assert item.omero is not None
    fileset = f"Fileset:{item.omero.fileset_id}"
    is_open = item.begun.import_id in item.row.imported.open
    if is_open and import_state(session, item.omero.fileset_id, item.begun.session_id) == "running":
        return Problem(
            f"{fileset} is still being imported by OMERO",
            "Wait until it is done (the command of the import tells when), and try again.",
        )
    if item.omero.shares:
        return Problem(
            f"{fileset} is on one plate with {', '.join(item.omero.shares)}",
            "OMERO deletes a plate with all its images only. Delete it there if all may go.",
        )
    if item.omero.uses and not options.used:
        return Problem(
            f"people have worked on {fileset}: {', '.join(item.omero.uses)}",
            "Ask them. With used: true their work on it goes too (tags and attachments stay).",
        )
    item.files = files_of(item.row)
    entries = queries.entries(session, item.omero.fileset_id)
    copies = copies_of(item, entries, repository, reads=False)
    if copies and options.bring_back is None:
        return problem_of(copies)
    return None


def copies_of(
    item: Item, entries: Sequence[Entry], repository: ManagedRepository, reads: bool
) -> list[LastCopy]:
    """See `last_copies`."""
    record = item.row.imported.record
    places = record.facts.get("repository_files", {}) if record else {}
    return last_copies(entries, item.files, places, item.begun.transfer, repository, reads)


def files_of(row: Row) -> tuple[SourceFile, ...]:
    """The files of a row as its import was given them, also when that did not end."""
    record = row.imported.record or row.done("transfer")
    return record.files if record else ()
