"""What lies in the managed repository without OMERO knowing it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ingest.chunks import in_chunks

FOLDERS_AT_ONCE = 500
# At the repository's top: OMERO.server's own files, and those of file systems.
OWN = (".omero", ".snapshot", ".snapshots", ".zfs", "lost+found")
# The names that our copies and links have until they are complete.
_PARTIAL = re.compile(r"\.[0-9a-f]{32}\.partial")
# Seconds: a copy that nothing was written to for so long was left by a killed job.
_AT_WORK = 3600.0

Known = Callable[[list[str]], Mapping[str, set[str]]]


def strays(top: Path, known: Known, only: Iterable[str] | None = None) -> Iterator[str]:
    """Paths of files, links and folders below `top` that OMERO does not know.

    `known` tells the names that OMERO has in each of some folders, relative to `top` ("" for
    itself); it is asked after they were listed, for OMERO notes a file before it makes it. A folder
    is named in place of all that lies in it, when nothing there is known. `only` limits the look to
    these folders themselves.
    """
    unknown_folders: set[str] = set()
    unknown: list[str] = []
    needed: set[str] = set()  # folders above something that OMERO knows
    folders = _listed(top) if only is None else _folders(top, sorted(set(only)))
    for listed in in_chunks(folders, FOLDERS_AT_ONCE):
        names_of = known([folder for folder, _ in listed])
        for folder, names in listed:
            its = names_of.get(folder, set())
            if its & names.keys():
                needed.update(_above(folder))
            for name, is_folder in names.items():
                if name in its or (folder == "" and name in OWN):
                    continue
                path = f"{folder}/{name}".lstrip("/")
                if is_folder:
                    unknown_folders.add(path)
                elif not (_PARTIAL.fullmatch(name) and _is_at_work(top / path)):
                    unknown.append(path)
    foreign = unknown_folders - needed
    if only is not None:  # what lies in them was not looked at
        foreign = set()
    for path in sorted([*foreign, *unknown]):
        if not foreign.intersection(_above(path.rpartition("/")[0])) and os.path.lexists(
            top / path
        ):
            yield str(top / path)


def _listed(top: Path) -> Iterator[tuple[str, dict[str, bool]]]:
    """Every folder below `top`, and its names: True for those that are folders."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        names = _names(top / folder)
        if folder == "":
            names = {name: kind for name, kind in names.items() if name not in OWN}
        waiting += [
            f"{folder}/{name}".lstrip("/") for name, is_folder in names.items() if is_folder
        ]
        yield folder, names


def _folders(top: Path, folders: Iterable[str]) -> Iterator[tuple[str, dict[str, bool]]]:
    for folder in folders:
        yield folder, _names(top / folder)


def _names(folder: Path) -> dict[str, bool]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
    except OSError:  # gone since, or not ours to read: nothing can be said of it
        return {}


def _above(folder: str) -> list[str]:
    """A folder and all those above it, but for the top."""
    parts = folder.split("/") if folder else []
    return ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _is_at_work(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime < _AT_WORK
    except OSError:
        return True
