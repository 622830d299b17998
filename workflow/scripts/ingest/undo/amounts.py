"""How much a tool may change: no more than asked for, and what a killed one began it may finish.

`<results>/.undo/<tool>/begun.json` is there from before the first change to after the last one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.atomic import fsync_folder, write_text

FOLDER = ".undo"  # in the results folder


@dataclass(frozen=True, slots=True)
class Begun:
    """What an earlier command set out to do and has not ended: to how many, and what."""

    count: int
    what: Mapping[str, Any]


def begun(results: Path, tool: str) -> Begun | None:
    """What an interrupted command of this tool set out to do; None without one."""
    try:
        found = json.loads(_path(results, tool).read_bytes())
    except FileNotFoundError:
        return None
    return Begun(**found)


def begin(results: Path, tool: str, count: int, what: Mapping[str, Any]) -> None:
    """Before the first change."""
    write_text(_path(results, tool), json.dumps({"count": count, "what": what}))


def end(results: Path, tool: str) -> None:
    """After the last change."""
    folder = _path(results, tool).parent
    if folder.exists():
        shutil.rmtree(folder)
        fsync_folder(folder.parent)


def refusal(apply: bool | int, count: int, total: int, most: float, earlier: int | None) -> str:
    """Why `count` of `total` may not be changed; empty when they may.

    `apply` is yes, or the very number. `earlier` is the number that an interrupted command was
    given, which is to be given again.
    """
    if not count:
        return ""
    if apply is True:
        if count <= most * total:
            return ""
        return f"{count} of {total} are more than the part that apply: yes may change ({most:g})"
    if apply == count or (earlier is not None and apply == earlier and count <= earlier):
        return ""
    return f"apply says {apply}, but there are {count} to be changed"


def _path(results: Path, tool: str) -> Path:
    return results / FOLDER / tool / "begun.json"
