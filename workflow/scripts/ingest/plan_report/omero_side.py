"""What OMERO has for the rows: accounts, targets, filesets of the same files. It is only asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.chunks import in_chunks
from ingest.context import Context
from ingest.doctor.rows import Row
from ingest.fileset import Problem, StageError
from ingest.journal import last_done
from ingest.omero.client_paths import client_path
from ingest.omero.containers import look_for
from ingest.omero.errors import Passing
from ingest.omero.repository import open_repository
from ingest.omero.session import Session
from ingest.omero.target_grammar import parse_target
from ingest.row_targets import row_target

AT_ONCE = 500  # client paths in a query
TRIED = 5  # files of a folder that are asked for: any of them tells its fileset

NEW, PER_FILESET = "will be made", "a new one for every fileset"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row goes: OMERO's own names of user and group; the target and whether it is there."""

    user: str
    group: str
    target: str = ""
    target_is: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """OMERO's answer: the `place` of each row by its line, filesets by client path as (id, group),
    and the repository where this machine mounts it. `problem`: it could not be asked."""

    places: Mapping[int, Place]
    filesets: Mapping[str, tuple[int, str]]
    repository: Path | None = None
    problem: Problem | None = None


def ask(rows: Sequence[Row], context: Context) -> Seen:
    """Never raises StageError: an OMERO that cannot be asked is an answer as well."""
    try:
        with context.sessions.using() as session:
            found = open_repository(session, context.config.omero.managed_repository)
            filesets = _filesets(session, rows, context)
        places = dict(_places(rows, context))
    except StageError as error:
        return Seen({}, {}, None, Problem(error.cause, error.remedy))
    return Seen(places, filesets, found.mount)


def _places(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, Place]]:
    """A session for each user and group, as the job `targets` opens it; nothing is made."""
    by_account: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_account.setdefault((row.fileset.user, row.fileset.group), []).append(row)
    for (user, group), several in by_account.items():
        try:
            with context.sessions.using(user, group) as session:
                known: dict[str, tuple[str, Problem | None]] = {}
                for row in several:
                    yield row.fileset.row, _place(session, row, known, context)
            context.sessions.release(user, group)
        except Passing:
            raise
        except StageError as error:
            problem = Problem(error.cause, error.remedy)
            for row in several:
                yield row.fileset.row, Place(user, group, row.fileset.target, "", problem)


def _place(
    session: Session,
    row: Row,
    known: dict[str, tuple[str, Problem | None]],
    context: Context,
) -> Place:
    user, group = session.user, session.group
    if not row.fileset.target:
        return Place(user, group, "", "none: orphaned")
    try:
        target = row_target(row.fileset, [row.fileset.path], _is_plate(row, context))
    except StageError as error:
        problem = Problem(error.cause, error.remedy)
        return Place(user, group, row.fileset.target, "", problem)
    if target not in known:
        try:
            known[target] = _state_of(session, target), None
        except Passing:
            raise
        except StageError as error:
            known[target] = "", Problem(error.cause, error.remedy)
    return Place(user, group, target, *known[target])


def _is_plate(row: Row, context: Context) -> bool | None:
    """As an earlier run found it; a row that none has looked at is taken for no plate."""
    done = last_done(context.journal.events(row.fileset.id), "convert")
    return done["record"]["facts"].get("is_plate") if done else None


def _state_of(session: Session, target: str) -> str:
    path = parse_target(target)
    project = look_for(session, path.project) if path.project else None
    container = look_for(session, path.container)
    if path.per_fileset:
        return PER_FILESET
    if container is None:
        return f"{NEW}, in {project}" if project else NEW
    return f"{container.type} {container.id}"


def _filesets(
    session: Session, rows: Iterable[Row], context: Context
) -> dict[str, tuple[int, str]]:
    paths = dict.fromkeys(path for row in rows for path in client_paths(row, context))
    found: dict[str, tuple[int, str]] = {}
    for some in in_chunks(paths, AT_ONCE):
        answer = session.rows(
            "select e.clientPath, f.id, g.name from FilesetEntry e join e.fileset f "
            "join f.details.group g where e.clientPath in (:paths) order by f.id desc",
            paths=some,
        )
        found.update({path: (fileset, group) for path, fileset, group in answer})
    return found


def client_paths(row: Row, context: Context) -> list[str]:
    """By which OMERO would know files of this row: those of the sources, and those in the store."""
    fileset, store = row.fileset, context.config.transfer.store
    if fileset.convert:
        return []
    files = row.files[:1] if fileset.files or fileset.path in row.files else row.files[:TRIED]
    above = Path(fileset.path) if Path(fileset.path).is_dir() else Path(fileset.path).parent
    paths = [client_path(path) for path in files]
    if fileset.transfer != "none" and store:
        home = store.absolute() / fileset.id
        paths += [client_path(str(home / Path(path).relative_to(above))) for path in files]
    return paths
