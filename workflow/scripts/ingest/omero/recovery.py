"""What became of the imports that earlier runs began: adopted, waited for, or removed.

Every import's id is in the journal before the fileset exists, and in OMERO with the fileset. So
whatever an earlier run was doing when it ended, this finds what it left.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, Literal

from ingest.context import Context
from ingest.fileset import Fileset, StageError
from ingest.omero import queries
from ingest.omero.cleanup import remove_fileset
from ingest.omero.errors import RUN_AGAIN
from ingest.omero.fileset_graph import ImportRequest
from ingest.omero.importer import ImportOutcome, read_outcome
from ingest.omero.repository import open_repository
from ingest.omero.session import Session

log = logging.getLogger("ingest")

Event = dict[str, Any]
State = Literal["complete", "unfinished", "running"]

_POLL = 2.0  # seconds between two looks at an import that another process's session runs


@dataclass(frozen=True)
class Adopted:
    """A fileset that an earlier run imported, and the id of that import."""

    outcome: ImportOutcome
    import_id: str


def recover(
    session: Session, fileset: Fileset, request: ImportRequest, context: Context
) -> Adopted | None:
    """The fileset that an earlier run imported for this row; None when there is none (any more).

    What earlier runs did not finish is removed. Raises StageError when the row was imported from
    other files, to another target, for another user or under another name, and when an import
    still runs.
    """
    begun = [
        event
        for event in context.journal.events(fileset.id)
        if event["stage"] == "import"
        and event["event"] == "intent"
        and event.get("database") == session.database
        and "import_id" in event
    ]
    adopted = None
    for user, group in dict.fromkeys((event["user"], event["group"]) for event in begun):
        events = {
            event["import_id"]: event
            for event in begun
            if (event["user"], event["group"]) == (user, group)
        }
        with context.sessions.using(user, group) as owner:
            found = _recover_in(owner, events, session, fileset, request, context)
        adopted = adopted or found
    return adopted


def state_of(images: int, digests: list[str], upload_finished: bool, session_open: bool) -> State:
    """How far an import got, from its number of images, its files' digests (empty: none yet),
    whether its upload was verified, and whether the session that began it is still open."""
    if images and all(digests):
        return "complete"
    return "running" if upload_finished and session_open else "unfinished"


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
    adopted = None
    for fileset_id, import_id in found:
        event = events[import_id]
        if _settled(owner, fileset_id, event["session_id"], request.timeout) == "complete":
            outcome = read_outcome(owner, repository, fileset_id, request)
            _check_same(outcome, event, session, request)
            log.info("%s: Fileset:%d of an earlier run is taken over", fileset.id, fileset_id)
            adopted = Adopted(outcome, import_id)
        else:
            log.info("%s: Fileset:%d of an earlier run is removed", fileset.id, fileset_id)
            remove_fileset(owner, repository, fileset_id, event["transfer"], request.files)
    return adopted


def _settled(session: Session, fileset_id: int, session_id: int, timeout: float) -> State:
    """The state of an import once it does not run any more."""
    deadline = time.monotonic() + timeout
    told = False
    while (state := _state(session, fileset_id, session_id)) == "running":
        if time.monotonic() > deadline:
            raise StageError(
                f"Fileset:{fileset_id}, begun by an earlier run, has no images yet, and the "
                "session that imports it is still open",
                f"{RUN_AGAIN} later; or delete Fileset:{fileset_id} in OMERO and run again.",
            )
        if not told:
            log.info("Fileset:%d, begun by an earlier run, is still being imported", fileset_id)
            told = True
        time.sleep(_POLL)
    return state


def _state(session: Session, fileset_id: int, session_id: int) -> State:
    # First: when it is closed, nothing comes after what is seen next.
    is_open = queries.session_is_open(session, session_id)
    return state_of(
        len(queries.image_ids(session, fileset_id)),
        [entry.digest for entry in queries.entries(session, fileset_id)],
        queries.upload_is_finished(session, fileset_id),
        is_open,
    )


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
    for cell, wanted in (("name", request.name), ("description", request.description)):
        if event.get(cell, wanted) != wanted:
            differences.append(f"with the {cell} {event[cell]!r}, not {wanted!r}")
    if not _same_files(outcome, request):
        differences.append("from other files")
    if differences:
        raise StageError(
            f"the row was imported already, as Fileset:{outcome.fileset_id}, but "
            + " and ".join(differences),
            f"Change the row back; or delete Fileset:{outcome.fileset_id} in OMERO to import it "
            "anew; or give the row another fileset id to keep both.",
        )


def _same_files(outcome: ImportOutcome, request: ImportRequest) -> bool:
    if outcome.algorithm != request.algorithm:
        # Digests by two algorithms cannot be compared; the names are the ones of these files.
        return set(outcome.server_digests) == {file.name for file in request.files}
    ours = {file.name: digest for file, digest in zip(request.files, request.digests, strict=True)}
    return outcome.server_digests == ours
