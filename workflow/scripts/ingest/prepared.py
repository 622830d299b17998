"""What OMERO has ready for the filesets: accounts, targets and tags, as the job `targets` left it.

results/targets.json is `{"accounts": [...], "targets": [...], "tags": [...]}`. An entry has `user`,
`group` and `target` or `tag` as the rows write them, and either an `error: {"cause", "remedy"}` or
what was found: an `id`, and a target's `type` and `name`. A target of which every fileset gets one
of its own has `per_fileset` instead, and the `project` around it if that one is shared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ingest.context import Context
from ingest.fileset import Fileset, StageError

FILE = "targets.json"  # in the results folder
KINDS = ("accounts", "targets", "tags")

Entry = dict[str, Any]
Key = tuple[str, str, str]


def check_prepared(fileset: Fileset, context: Context) -> None:
    """Raises StageError when OMERO has no such user in that group, or not the row's target."""
    _look_up("accounts", (fileset.user, fileset.group, ""), context)
    if fileset.target:
        target_entry(fileset, context)


def target_entry(fileset: Fileset, context: Context) -> Entry:
    """The entry of a fileset's target; StageError when it could not be resolved."""
    return _look_up("targets", (fileset.user, fileset.group, fileset.target), context)


def tag_ids(fileset: Fileset, context: Context) -> dict[str, int]:
    """The ids of a fileset's tags by their text; StageError when one could not be resolved."""
    return {
        tag: _look_up("tags", (fileset.user, fileset.group, tag), context)["id"]
        for tag in fileset.tags
    }


def key(entry: Mapping[str, Any]) -> Key:
    return entry["user"], entry["group"], entry.get("target") or entry.get("tag") or ""


def read_table(path: Path) -> dict[str, list[Entry]]:
    """The entries by their kind; none when there is no such file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        found = {}
    return {kind: found.get(kind, []) for kind in KINDS}


def _look_up(kind: str, wanted: Key, context: Context) -> Entry:
    path = context.results / FILE
    try:
        entry = _table(path, path.stat().st_mtime_ns)[kind].get(wanted)
    except FileNotFoundError:
        entry = None
    if entry is None:
        raise StageError(
            f"{wanted[2] or 'the account'!r} was not prepared in OMERO",
            f"Remove {path} and run the same command again: it is made anew.",
        )
    if "error" in entry:
        raise StageError(entry["error"]["cause"], entry["error"]["remedy"])
    return entry


@lru_cache(maxsize=1)
def _table(path: Path, _mtime_ns: int) -> dict[str, dict[Key, Entry]]:
    return {kind: {key(entry): entry for entry in found} for kind, found in read_table(path).items()}
