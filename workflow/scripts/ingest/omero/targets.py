"""What is shared by filesets is had before any file moves: accounts, targets and tags.

One job sees to it all, because two jobs that made the same target at once would make it twice. The
others read what it wrote (see ingest.prepared).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest.atomic import write_text
from ingest.context import Context
from ingest.failures import TARGETS, note_failure
from ingest.fileset import Fileset, StageError
from ingest.omero.containers import Target, resolve, resolve_container, still_there
from ingest.omero.errors import Passing
from ingest.omero.retrying import retried
from ingest.omero.session import Session
from ingest.omero.tags import resolve_tag
from ingest.omero.target_grammar import TargetPath, parse_target
from ingest.prepared import FILE, KINDS, Entry, key, read_table
from ingest.records import read_filesets
from ingest.row_targets import early_row_target

# Seconds. Nothing has asked OMERO before: a wrong address must not take minutes to be told.
_FIRST_ANSWER = 15
MADE = "made"


def resolve_all(plan_files: Iterable[Path], context: Context) -> None:
    """Looks for every account, target and tag of the filesets and writes results/targets.json.

    A target found or made in an earlier run is used again as long as it exists. What cannot be had
    becomes an entry with its error; only a server that cannot be reached raises StageError.
    """
    seconds = min(context.config.importing.retry_seconds, _FIRST_ANSWER)
    database = retried(TARGETS, seconds, lambda: context.sessions.get().database)
    memory = memory_path(context, database)
    known = {key(entry): entry for entry in read_table(memory)["targets"]}
    made = read_made(memory)
    table: dict[str, list[Entry]] = {kind: [] for kind in KINDS}
    for place, wanted in _wanted(plan_files, context).items():
        account = {**_place(wanted.first), **_outcome(lambda _: {}, wanted.first, context)}
        table["accounts"].append(account)
        if "error" in account:
            continue
        for target, fileset in wanted.targets.items():
            new: list[Target] = []
            entry = _target_entry(fileset, target, known.get((*place, target)), context, new)
            table["targets"].append(entry)
            made += [{**_place(fileset), **target_made.to_json()} for target_made in new]
        table["tags"] += [_tag_entry(fileset, tag, context) for tag, fileset in wanted.tags.items()]
        context.sessions.release(*place)
    known.update({key(entry): entry for entry in table["targets"] if "id" in entry})
    write_text(memory, _text({"targets": list(known.values()), MADE: made}))
    write_text(context.results / FILE, _text(table))
    if any("error" in entry for entries in table.values() for entry in entries):
        note_failure(context.results, TARGETS, TARGETS)


def memory_path(context: Context, database: str) -> Path:
    """What these runs found or made in one OMERO; it stays as long as the journal."""
    return context.journal.folder / f"targets-{database}.json"


def read_made(memory: Path) -> list[Entry]:
    """The containers that these runs made, with the user and group of the rows they are for."""
    try:
        found: list[Entry] = json.loads(memory.read_text(encoding="utf-8")).get(MADE, [])
    except FileNotFoundError:
        return []
    return found


@dataclass
class _Wanted:
    """What the rows of one user and group need, each with the first fileset that needs it."""

    first: Fileset
    targets: dict[str, Fileset] = field(default_factory=dict)
    tags: dict[str, Fileset] = field(default_factory=dict)


def _wanted(plan_files: Iterable[Path], context: Context) -> dict[tuple[str, str], _Wanted]:
    places: dict[tuple[str, str], _Wanted] = {}
    for fileset in _filesets(plan_files):
        wanted = places.setdefault((fileset.user, fileset.group), _Wanted(fileset))
        target = _target_text(fileset, context)
        if target:
            wanted.targets.setdefault(target, fileset)
        for tag in fileset.tags if context.config.annotate.tags else ():
            wanted.tags.setdefault(tag, fileset)
    return places


def target_of(entry: Entry) -> Target:
    return Target(entry["type"], entry["id"], entry["name"])


def _target_text(fileset: Fileset, context: Context) -> str:
    """The row's target; empty when there is none, or none can be told: its own stages say why."""
    try:
        return early_row_target(fileset, context)
    except StageError as error:
        _log(fileset, error, context)
        note_failure(context.results, TARGETS, TARGETS)
        return ""


def _target_entry(
    fileset: Fileset, target: str, known: Entry | None, context: Context, made: list[Target]
) -> Entry:
    path = parse_target(target)

    def find(session: Session) -> Entry:
        if path.per_fileset:
            if path.container.choice != "new":
                resolve_container(session, path.container, made=made)  # it alone is shared
            return {"per_fileset": True, "project": _shared_project(session, path, made)}
        if known and still_there(session, target_of(known)):
            return target_of(known).to_json()
        return resolve(session, path, made=made).to_json()

    return {**_place(fileset), "target": target, **_outcome(find, fileset, context)}


def _shared_project(session: Session, path: TargetPath, made: list[Target]) -> Entry | None:
    if path.project is None or path.project.choice == "new":
        return None
    return resolve_container(session, path.project, made=made).to_json()


def _tag_entry(fileset: Fileset, tag: str, context: Context) -> Entry:
    return {
        **_place(fileset),
        "tag": tag,
        **_outcome(lambda session: {"id": resolve_tag(session, tag)}, fileset, context),
    }


def _outcome(find: Callable[[Session], Entry], fileset: Fileset, context: Context) -> Entry:
    def ask() -> Entry:
        with context.sessions.using(fileset.user, fileset.group) as session:
            return find(session)

    try:
        # What the attempt before made is found by its name.
        return retried(fileset.id, context.config.importing.retry_seconds, ask)
    except Passing:
        raise
    except StageError as error:
        _log(fileset, error, context)
        return {"error": {"cause": error.cause, "remedy": error.remedy}}


def _log(fileset: Fileset, error: StageError, context: Context) -> None:
    context.log.error("row %d (%s): %s", fileset.row, fileset.id, error.cause)


def _text(table: Mapping[str, list[Entry]]) -> str:
    return json.dumps(table, indent=1)


def _place(fileset: Fileset) -> Entry:
    return {"user": fileset.user, "group": fileset.group}


def _filesets(plan_files: Iterable[Path]) -> Iterator[Fileset]:
    for plan in plan_files:
        yield from (fileset for fileset in read_filesets(plan) if not fileset.problem)
