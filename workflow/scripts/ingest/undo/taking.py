"""Takes filesets out of OMERO, some at a time: announced, brought back, deleted, noted."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from ingest.chunks import in_chunks
from ingest.context import Context
from ingest.copying import partial_path
from ingest.fileset import Problem, StageError
from ingest.omero import queries
from ingest.omero.cleanup import remove_leftover
from ingest.omero.errors import Passing
from ingest.omero.queries import Entry
from ingest.omero.repository import ManagedRepository, open_repository
from ingest.omero.session import Session
from ingest.omero.taking_out import delete_filesets
from ingest.undo.last_copies import bring_back, problem_of
from ingest.undo.options import Rollback
from ingest.undo.to_take_out import Item, copies_of

_AT_ONCE = 50  # filesets that OMERO deletes in one transaction

log = logging.getLogger("ingest")


def take_out(items: Sequence[Item], options: Rollback, context: Context) -> None:
    """Deletes the filesets of these items, all of state `remove`; their state says how it went."""
    accounts: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        accounts.setdefault((item.begun.user, item.begun.group), []).append(item)
    for (user, group), own in accounts.items():
        for some in in_chunks(own, _AT_ONCE):
            with context.sessions.using(user, group) as session:
                _take_some(session, some, options, context)
        context.sessions.release(user, group)


def note_gone(items: Sequence[Item], context: Context) -> None:
    """Notes what an earlier command announced, and was killed before it could note it."""
    for item in items:
        announced = {event.get("rolls_back") for event in item.row.events()}
        if item.begun.import_id in announced:
            _note(item, context)


def _take_some(
    session: Session, items: Sequence[Item], options: Rollback, context: Context
) -> None:
    repository = open_repository(session, context.config.omero.managed_repository)
    entries: dict[int, list[Entry]] = {}
    ready = []
    for item in items:
        assert item.omero is not None
        context.journal.append(
            item.row.id, "rollback", "intent", rolls_back=item.begun.import_id,
            omero_fileset=item.omero.fileset_id,
        )  # fmt: skip
        entries[item.omero.fileset_id] = queries.entries(session, item.omero.fileset_id)
        try:
            _keep_bytes(session, item, entries[item.omero.fileset_id], repository, options)
            ready.append(item)
        except Passing:
            raise
        except StageError as error:
            _fail(item, error)
    for item in _deleted(session, ready):
        assert item.omero is not None
        _clear(item, entries[item.omero.fileset_id], repository)
        _note(item, context)


def _keep_bytes(
    session: Session,
    item: Item,
    entries: Sequence[Entry],
    repository: ManagedRepository,
    options: Rollback,
) -> None:
    """Sees to it that no last copy is deleted: the others are read for it. Raises StageError."""
    transfer = item.begun.transfer
    copies = copies_of(item, entries, repository, reads=True)
    if copies and options.bring_back is None:
        problem = problem_of(copies)
        raise StageError(problem.cause, problem.remedy)
    for copy in copies:
        assert options.bring_back is not None
        folder = options.bring_back.absolute() / item.row.id
        log.info("%s: %s", item.row.id, bring_back(session, copy, folder, transfer))


def _deleted(session: Session, items: Sequence[Item]) -> list[Item]:
    """Those of the items whose filesets are gone now."""
    if not items:
        return []
    filesets = [item.omero.fileset_id for item in items if item.omero]
    plates = [plate for item in items if item.omero for plate in item.omero.plates]
    keep = {
        annotation
        for item in items
        for annotation in item.row.imported.begun[item.begun.import_id].get("annotations", ())
    }
    try:
        delete_filesets(session, filesets, plates, sorted(keep))
    except Passing:
        raise
    except StageError as error:
        if len(items) == 1:
            _fail(items[0], error)
            return []
        # Which of them it is: each by itself.
        return [gone for item in items for gone in _deleted(session, [item])]
    ids = [item.begun.import_id for item in items]
    left = {import_id for _, import_id in queries.filesets_with_import_ids(session, ids)}
    for item in items:
        if item.begun.import_id in left and item.omero:
            fileset = f"Fileset:{item.omero.fileset_id}"
            _fail(item, StageError(f"{fileset} is still in OMERO", "Give the same command again."))
    return [item for item in items if item.begun.import_id not in left]


def _clear(item: Item, entries: Sequence[Entry], repository: ManagedRepository) -> None:
    """Removes what OMERO left in its repository: it knows nothing of unfinished copies, and none
    but it removes links where it may not."""
    if not repository.mount.is_dir():
        return
    for entry in entries:
        location = repository.locate(entry.path, entry.name)
        for left in (partial_path(location), location):
            if os.path.lexists(left) and not _removed(left, item):
                log.warning("%s: %s was left there", item.row.id, left)


def _removed(location: Path, item: Item) -> bool:
    try:
        return remove_leftover(location, item.files)
    except OSError as error:
        log.warning("%s could not be removed: %s", location, error.strerror)
        return False


def _note(item: Item, context: Context) -> None:
    """In the journal that tells of the import: a part's own, or the row's."""
    for name in item.row.imported.journals:
        if any(
            event.get("import_id") == item.begun.import_id for event in context.journal.events(name)
        ):
            context.journal.append(name, "rollback", "done", removed_import=item.begun.import_id)
    item.state = "removed"


def _fail(item: Item, error: StageError) -> None:
    log.error("%s: %s. %s", item.row.id, error.cause, error.remedy)
    item.set("failed", Problem(error.cause, error.remedy))
