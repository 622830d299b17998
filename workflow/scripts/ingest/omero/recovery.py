"""What became of the imports that earlier runs began: adopted, waited for, or removed.

Every import's id is in the journal before the fileset exists, and in OMERO with the fileset. So
whatever an earlier run was doing when it ended, this finds what it left.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, Literal

import Ice
import omero.all
import omero.cmd
import omero.grid

from ingest import parts
from ingest.context import Context
from ingest.fileset import Fileset, StageError
from ingest.import_transfers import removes_sources
from ingest.omero import queries
from ingest.omero.cleanup import remove_fileset
from ingest.omero.fileset_graph import ImportRequest
from ingest.omero.importer import ImportOutcome, StillRunning, deadline_after, read_outcome
from ingest.omero.repository import open_repository
from ingest.omero.session import Session

log = logging.getLogger("ingest")

Event = dict[str, Any]
State = Literal["complete", "unfinished", "running"]

# Seconds between two looks at an import that another process's session runs.
_FIRST_POLL, _LONGEST_POLL = 0.1, 5.0


@dataclass(frozen=True)
class Adopted:
    """A fileset that an earlier run imported, and the id of that import."""

    outcome: ImportOutcome
    import_id: str


def recover(
    session: Session, fileset: Fileset, request: ImportRequest, context: Context
) -> Adopted | None:
    """The fileset that an earlier run imported for this row; None if there is none (any more).

    What earlier runs did not finish is removed. Raises StageError if the row was imported from
    other files, to another target, for another user or under another name, or if an import is
    still running.
    """
    adopted = None
    for (user, group), events in _begun(session, fileset, context).items():
        with context.sessions.using(user, group) as owner:
            found = _recover_in(owner, events, session, fileset, request, context)
        adopted = adopted or found
    return adopted


def remove_latecomers(
    session: Session, fileset: Fileset, request: ImportRequest, context: Context
) -> None:
    """Removes the filesets of this row's earlier attempts, once that of `request` is imported.

    `recover` saw none, but a call whose connection was lost may still have been in progress.
    """
    for (user, group), events in _begun(session, fileset, context).items():
        events.pop(request.import_id, None)
        if not events:
            continue
        with context.sessions.using(user, group) as owner:
            for fileset_id, import_id in queries.filesets_with_import_ids(owner, list(events)):
                log.warning("%s: Fileset:%d came late and is removed", fileset.id, fileset_id)
                repository = open_repository(owner, context.config.omero.managed_repository)
                transfer = events[import_id]["transfer"]
                remove_fileset(
                    owner, repository, fileset_id, transfer, request.files, request.annotations
                )


def _begun(
    session: Session, fileset: Fileset, context: Context
) -> dict[tuple[str, str], dict[str, Event]]:
    """The intents of all imports of this row into this database: by user and group, and then by
    import id."""
    begun: dict[tuple[str, str], dict[str, Event]] = {}
    for event in context.journal.events(fileset.id):
        if (
            event["stage"] == "import"
            and event["event"] == "intent"
            and event.get("database") == session.database
            and "import_id" in event
        ):
            begun.setdefault((event["user"], event["group"]), {})[event["import_id"]] = event
    return begun


def _recorded(fileset: Fileset, context: Context) -> set[str]:
    """The imports of this row that succeeded, according to the journal."""
    found: set[str] = set()
    for event in context.journal.events(parts.row_id(fileset.id)):
        if "removal_after" in event:
            found.add(event["removal_after"])
        elif (event["stage"], event["event"]) == ("import", "done"):
            facts = event["record"]["facts"]
            found.update(
                one["import_id"] for one in facts.get("imports", [facts]) if "import_id" in one
            )
    return found


def state_of(
    images: int, digests: list[str], is_processed: bool, upload_finished: bool, may_run: bool
) -> State:
    """How far an import got, judged by its number of images, its files' digests (empty: none yet),
    whether it passed the steps after the images (`queries.is_processed`), whether its upload
    was verified, and whether the session that began it may still be working on it."""
    # OMERO makes the images first, then reads their pixels and draws thumbnails.
    if images and all(digests) and is_processed:
        return "complete"
    return "running" if upload_finished and may_run else "unfinished"


def _recover_in(
    owner: Session,
    events: dict[str, Event],
    session: Session,
    fileset: Fileset,
    request: ImportRequest,
    context: Context,
) -> Adopted | None:
    found = queries.filesets_with_import_ids(owner, list(events))
    if not found:
        return None
    repository = open_repository(owner, context.config.omero.managed_repository)
    recorded = _recorded(fileset, context)
    adopted = None
    for fileset_id, import_id in found:
        event = events[import_id]
        # People may have changed it since: for a recorded import, missing signs mean nothing.
        known = import_id in recorded and bool(queries.image_ids(owner, fileset_id))
        if known or (
            _settled(owner, fileset_id, event["session_id"], request.timeout) == "complete"
        ):
            outcome = read_outcome(owner, repository, fileset_id, request)
            _check_same(outcome, event, session, request)
            log.info("%s: Fileset:%d of an earlier run is taken over", fileset.id, fileset_id)
            adopted = Adopted(outcome, import_id)
        else:
            log.info("%s: Fileset:%d of an earlier run is removed", fileset.id, fileset_id)
            remove_fileset(
                owner, repository, fileset_id, event["transfer"], request.files,
                event.get("annotations", ()),
            )  # fmt: skip
    return adopted


def _settled(session: Session, fileset_id: int, session_id: int, timeout: float | None) -> State:
    """The state of an import once it is no longer running."""
    deadline = deadline_after(timeout)
    pause, told = _FIRST_POLL, False
    while (state := import_state(session, fileset_id, session_id)) == "running":
        if deadline is not None and time.monotonic() > deadline:
            raise StillRunning(
                f"Fileset:{fileset_id}, begun by an earlier run,",
                f"If its images never come, delete Fileset:{fileset_id} in OMERO and run again.",
            )
        if not told:
            log.info("Fileset:%d, begun by an earlier run, is still being imported", fileset_id)
            told = True
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_POLL)
    return state


def import_state(session: Session, fileset_id: int, session_id: int) -> State:
    """The state of an import that the session of this id (in the database) began."""
    # Asked first: if it is over, nothing is added after the queries below.
    if session_id == session.id:
        may_run = _runs_here(session, fileset_id)
    else:
        may_run = queries.session_is_open(session, session_id)
    return state_of(
        len(queries.image_ids(session, fileset_id)),
        [entry.digest for entry in queries.entries(session, fileset_id)],
        queries.is_processed(session, fileset_id),
        queries.upload_is_finished(session, fileset_id),
        may_run,
    )


def _runs_here(session: Session, fileset_id: int) -> bool:
    """Whether this very session, which several processes may have joined, is importing a fileset.

    Its imports are among its services until somebody closes their handles.
    """
    for name in session.factory.activeServices():
        try:
            handle = omero.cmd.HandlePrx.checkedCast(session.factory.getByName(name))
            request = handle.getRequest() if handle else None
            if not isinstance(request, omero.grid.ImportRequest):
                continue
            if request.activity.parent.id.val == fileset_id and handle.getResponse() is None:
                return True
        except Ice.ObjectNotExistException:
            continue  # closed since it was listed
    return False


def _check_same(
    outcome: ImportOutcome, event: Event, session: Session, request: ImportRequest
) -> None:
    """Raises StageError unless the earlier import is of this row's files, place, user and name."""
    differences = []
    if (event["user"], event["group"]) != (session.user, session.group):
        differences.append(f"for user {event['user']} in group {event['group']}")
    target = f"{request.target[0]}:{request.target[1]}" if request.target else ""
    if event["target"] != target:
        differences.append(f"to {event['target'] or 'no target'}, not {target or 'no target'}")
    if event["transfer"] != request.transfer:
        differences.append(f"by {event['transfer']}, not {request.transfer}")
    for cell, wanted in request.as_imported.items():
        if event.get(cell, wanted) != wanted:
            differences.append(f"with the {cell} {event[cell]!r}, not {wanted!r}")
    if not _same_files(outcome, request):
        differences.append("from other files")
    if differences:
        imported = f"Fileset:{outcome.fileset_id}"
        otherwise = f"or delete {imported} in OMERO to import it again"
        if removes_sources(event["transfer"]):
            otherwise = f"do not delete {imported}, which may hold the only copy of its files"
        raise StageError(
            f"the row was imported already, as {imported}, but " + " and ".join(differences),
            f"Change the row back; {otherwise}; or give the row another fileset id to keep both.",
        )


def _same_files(outcome: ImportOutcome, request: ImportRequest) -> bool:
    if any(outcome.algorithm not in file.digests for file in request.files):
        # OMERO's algorithm is none that this row ever used, so only the names can be compared.
        return set(outcome.server_digests) == {file.name for file in request.files}
    ours = {file.name: file.digests[outcome.algorithm] for file in request.files}
    return outcome.server_digests == ours
