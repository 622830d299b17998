"""What a row's `files` mean: names and globs under the folder of its path."""

from __future__ import annotations

import bisect
import fnmatch
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath

from ingest.fileset import Problem

_GLOB = re.compile(r"[*?[]")


class Folders:
    """The entries of folders, each read once; they are not expected to change meanwhile."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[list[str], list[str]]] = {}

    def entries(self, folder: str) -> tuple[list[str], list[str]]:
        """The names of the files (all but folders) and of the sub-folders, sorted.

        Links to folders count as folders. A folder that is missing has no entries; raises OSError
        when it cannot be read.
        """
        known = self._known.get(folder)
        if known is None:
            files: list[str] = []
            folders: list[str] = []
            try:
                with os.scandir(folder) as found:
                    for entry in found:
                        (folders if _is_folder(entry) else files).append(entry.name)
            except (FileNotFoundError, NotADirectoryError):
                pass
            known = self._known[folder] = (sorted(files), sorted(folders))
        return known


def entry_problem(entry: str) -> Problem | None:
    """What is wrong with one entry of `files` before looking at any file; None if nothing."""
    if entry.startswith("/"):
        return Problem(
            f"{entry!r} is an absolute path", "Name it relative to the folder of the row's path."
        )
    if ".." in entry.split("/"):
        return Problem(
            f"{entry!r} leads out of the folder of the row's path",
            "Give the folder that holds all of the fileset's files as path.",
        )
    return None


def matches(folder: str, entry: str, folders: Folders) -> list[str]:
    """The files that one entry (free of problems) means, in natural order: t2 before t10.

    Names are relative to `folder`, with `/`. Globs: `*`, `?` and `[...]` stand for characters of
    one name, `**` for any folders; none of them matches a leading dot. A file that exists under
    the very name of the entry is meant by it, whatever characters it has. Raises OSError for a
    folder that cannot be read.
    """
    name = str(PurePosixPath(entry)) if "/" in entry else entry
    if os.path.lexists(f"{folder}/{name}"):
        return [name]
    if not _GLOB.search(name):
        return []
    return sorted(set(_walk(folder, "", name.split("/"), folders, set())), key=_natural)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in circles, or where one may not look
        return False


def _walk(
    folder: str, inner: str, parts: list[str], folders: Folders, seen: set[tuple[str, int]]
) -> Iterator[str]:
    """Files below `folder`/`inner` that match `parts`, relative to `folder`; `inner` ends in /.

    `seen` are the folders that were walked for so many parts: several `**` would lead to each in
    more ways than there is time for.
    """
    if (inner, len(parts)) in seen:
        return
    seen.add((inner, len(parts)))
    part, rest = parts[0], parts[1:]
    files, subfolders = folders.entries(f"{folder}/{inner}")
    if part == "**":
        if rest:
            yield from _walk(folder, inner, rest, folders, seen)
        else:
            yield from (inner + name for name in files if not name.startswith("."))
        for name in subfolders:
            if not name.startswith(".") and not Path(f"{folder}/{inner}{name}").is_symlink():
                yield from _walk(folder, f"{inner}{name}/", parts, folders, seen)
    elif rest:
        for name in _matching(part, subfolders):
            yield from _walk(folder, f"{inner}{name}/", rest, folders, seen)
    else:
        yield from (inner + name for name in _matching(part, files))


def _matching(pattern: str, names: list[str]) -> Iterator[str]:
    """The names, of a sorted list, that match; only those with the pattern's prefix are looked at,
    because a folder of 100,000 files is shared by thousands of rows."""
    glob = _GLOB.search(pattern)
    prefix = pattern[: glob.start()] if glob else pattern
    expression = _compiled(pattern)
    for index in range(bisect.bisect_left(names, prefix), len(names)):
        name = names[index]
        if not name.startswith(prefix):
            return
        if expression.match(name) and (prefix or not name.startswith(".")):
            yield name


def _natural(name: str) -> list[tuple[bool, int, str]]:
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(True, int(p), p) if p[0] in "0123456789" else (False, 0, p) for p in parts]


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern))
