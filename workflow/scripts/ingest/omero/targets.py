"""What is shared by filesets is made before any of them is imported: targets and tags.

One job makes it all, because two jobs that made the same at once would make it twice. The others
read what it wrote: results/targets.json, `{"targets": [...], "tags": [...]}`. An entry has `user`,
`group` and `target` (or `tag`) as the rows write them, and the `id` (a target's `type` and `name`
too) or `error: {"cause", "remedy"}`. A target of which every fileset gets one of its own has
`per_fileset`, and the `project` around it if that is shared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ingest.atomic import write_text
from ingest.context import Context
from ingest.failures import TARGETS, note_failure
from ingest.fileset import Fileset, StageError
from ingest.omero.containers import Target, resolve, resolve_container, still_there
from ingest.omero.errors import LostConnection
from ingest.omero.session import Session
from ingest.omero.tags import resolve_tag
from ingest.omero.target_grammar import TargetPath, parse_target
from ingest.records import read_filesets

FILE = "targets.json"  # in the results folder
Entry = dict[str, Any]


def resolve_all(plan_files: Iterable[Path], context: Context) -> None:
    """Resolves every target and tag of the filesets and writes results/targets.json.

    A target found or made in an earlier run is used again as long as it exists. What cannot be had
    becomes an entry with its error; only a server that cannot be reached raises StageError.
    """
    database = context.sessions.get().database
    memory = context.journal.folder / f"targets-{database}.json"
    known = {_key(entry): entry for entry in _read(memory)["targets"]}
    targets: dict[tuple[str, str, str], Entry] = {}
    tags: dict[tuple[str, str, str], Entry] = {}
    for fileset in _filesets(plan_files):
        place = (fileset.user, fileset.group)
        if fileset.target and (*place, fileset.target) not in targets:
            entry = _target_entry(fileset, known.get((*place, fileset.target)), context)
            targets[*place, fileset.target] = entry
        for tag in fileset.tags if context.config.annotate.tags else ():
            if (*place, tag) not in tags:
                tags[*place, tag] = _tag_entry(fileset, tag, context)
    table = {"targets": list(targets.values()), "tags": list(tags.values())}
    known.update({_key(entry): entry for entry in table["targets"] if "id" in entry})
    write_text(memory, _text({"targets": list(known.values()), "tags": []}))
    write_text(context.results / FILE, _text(table))
    if any("error" in entry for entries in table.values() for entry in entries):
        note_failure(context.results, TARGETS, TARGETS)


def target_entry(fileset: Fileset, context: Context) -> Entry:
    """The entry of a fileset's target; StageError when it could not be resolved."""
    return _look_up("targets", (fileset.user, fileset.group, fileset.target), context)


def tag_ids(fileset: Fileset, context: Context) -> dict[str, int]:
    """The ids of a fileset's tags by their text; StageError when one could not be resolved."""
    return {
        tag: _look_up("tags", (fileset.user, fileset.group, tag), context)["id"]
        for tag in fileset.tags
    }


def target_of(entry: Entry) -> Target:
    return Target(entry["type"], entry["id"], entry["name"])


def _target_entry(fileset: Fileset, known: Entry | None, context: Context) -> Entry:
    path = parse_target(fileset.target)

    def find(session: Session) -> Entry:
        if path.per_fileset:
            return {"per_fileset": True, "project": _shared_project(session, path)}
        if known and still_there(session, target_of(known)):
            return target_of(known).to_json()
        return resolve(session, path).to_json()

    return {**_place(fileset), "target": fileset.target, **_outcome(find, fileset, context)}


def _shared_project(session: Session, path: TargetPath) -> Entry | None:
    if path.project is None or path.project.choice == "new":
        return None
    return resolve_container(session, path.project).to_json()


def _tag_entry(fileset: Fileset, tag: str, context: Context) -> Entry:
    return {
        **_place(fileset),
        "tag": tag,
        **_outcome(lambda session: {"id": resolve_tag(session, tag)}, fileset, context),
    }


def _outcome(find: Callable[[Session], Entry], fileset: Fileset, context: Context) -> Entry:
    try:
        with context.sessions.using(fileset.user, fileset.group) as session:
            return find(session)
    except LostConnection:
        raise
    except StageError as error:
        context.log.error("row %d (%s): %s", fileset.row, fileset.id, error.cause)
        return {"error": {"cause": error.cause, "remedy": error.remedy}}


def _text(table: Mapping[str, list[Entry]]) -> str:
    return json.dumps(table, indent=1)


def _place(fileset: Fileset) -> Entry:
    return {"user": fileset.user, "group": fileset.group}


def _filesets(plan_files: Iterable[Path]) -> Iterator[Fileset]:
    for plan in plan_files:
        yield from (fileset for fileset in read_filesets(plan) if not fileset.problem)


def _look_up(kind: str, key: tuple[str, str, str], context: Context) -> Entry:
    path = context.results / FILE
    try:
        entry = _table(path, path.stat().st_mtime_ns)[kind].get(key)
    except FileNotFoundError:
        entry = None
    if entry is None:
        raise StageError(
            f"{key[2]!r} was not prepared in OMERO",
            f"Remove {path} and run the same command again: it is made anew.",
        )
    if "error" in entry:
        raise StageError(entry["error"]["cause"], entry["error"]["remedy"])
    return entry


@lru_cache(maxsize=1)
def _table(path: Path, _mtime_ns: int) -> dict[str, dict[tuple[str, str, str], Entry]]:
    return {
        kind: {_key(entry): entry for entry in entries} for kind, entries in _read(path).items()
    }


def _key(entry: Entry) -> tuple[str, str, str]:
    return entry["user"], entry["group"], entry.get("target") or entry["tag"]


def _read(path: Path) -> dict[str, list[Entry]]:
    try:
        table: dict[str, list[Entry]] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"targets": [], "tags": []}
    return table
