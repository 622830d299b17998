"""What OMERO has ready for the filesets: accounts, targets and tags, as the job `targets` left it.

results/targets.json is `{"accounts": [...], "targets": [...], "tags": [...]}`. An entry has `user`,
`group` and `target` or `tag` as the rows write them (a template's as it is for the row's folder,
see `row_targets`), and either an `error: {"cause", "remedy"}` or
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
from ingest.failures import TARGETS, note_failure
from ingest.fileset import Fileset, Record, StageError
from ingest.omero.target_grammar import parse_target
from ingest.row_targets import row_target

FILE = "targets.json"  # in the results folder
KINDS = ("accounts", "targets", "tags")

Entry = dict[str, Any]
Key = tuple[str, str, str]


def check_prepared(fileset: Fileset, upstream: Record, context: Context) -> None:
    """Raises StageError when OMERO has no such user in that group, or no fitting target."""
    _look_up("accounts", (fileset.user, fileset.group, ""), context)
    if fileset.target:
        target_entry(fileset, upstream, context)


def target_entry(fileset: Fileset, upstream: Record, context: Context) -> Entry:
    """The entry of a fileset's target.

    Raises StageError when it could not be resolved, and when it is a Screen for what is no plate or
    a Dataset for a plate: OMERO would import it all the same, and leave it linked to nothing.
    """
    is_plate = upstream.facts.get("is_plate")
    target = row_target(fileset, [file.source for file in upstream.files], is_plate)
    entry = _look_up("targets", (fileset.user, fileset.group, target), context)
    wanted = str(parse_target(target).container)
    if is_plate is True and wanted.startswith("Dataset"):
        raise StageError(
            f"{fileset.path} is a plate, which a Dataset cannot hold, and its target is {wanted}",
            "Give the row a Screen as its target, like Screen:name:S.",
        )
    if is_plate is False and wanted.startswith("Screen"):
        raise StageError(
            f"{fileset.path} is not a plate, and its target is {wanted}, which holds plates only",
            "Give the row a Dataset as its target, like Dataset:name:D.",
        )
    return entry


def tag_ids(fileset: Fileset, context: Context) -> dict[str, int]:
    """The ids of a fileset's tags by their text; StageError when one could not be resolved."""
    return {
        tag: _look_up("tags", (fileset.user, fileset.group, tag), context)["id"]
        for tag in fileset.tags
    }


def prepare_anew(context: Context) -> None:
    """Has the next run ask OMERO again, for all that was prepared."""
    note_failure(context.results, TARGETS, TARGETS)


def key(entry: Mapping[str, Any]) -> Key:
    return entry["user"], entry["group"], entry.get("target") or entry.get("tag") or ""


def read_table(path: Path) -> dict[str, list[Entry]]:
    """The entries by their kind; none when there is no such file.

    Raises StageError when it is damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        found = {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise StageError(
            f"{path} is damaged: a disk was full, or it was edited",
            "Remove it, and run the same command again to rebuild it.",
        )
    return {kind: found.get(kind, []) for kind in KINDS}


def _look_up(kind: str, wanted: Key, context: Context) -> Entry:
    path = context.results / FILE
    try:
        entry = _table(path, path.stat().st_mtime_ns)[kind].get(wanted)
    except FileNotFoundError:
        entry = None
    if entry is None:
        prepare_anew(context)
        raise StageError(
            f"{wanted[2] or 'the account'} was not prepared in OMERO", "Run the same command again."
        )
    if "error" in entry:
        raise StageError(entry["error"]["cause"], entry["error"]["remedy"])
    return entry


@lru_cache(maxsize=1)
def _table(path: Path, _mtime_ns: int) -> dict[str, dict[Key, Entry]]:
    return {
        kind: {key(entry): entry for entry in found} for kind, found in read_table(path).items()
    }
