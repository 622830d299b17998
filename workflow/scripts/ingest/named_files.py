"""Which rows name which files: what is asked when Bio-Formats adds files to a row's own.

The plan refuses two rows that name the same file. That two rows name two files of one fileset is
only seen when one of them is opened, by a job that knows its own batch alone; hence this table:
`<results>/plan/named_files.json`, `{path of a file or folder: [[fileset, [files, ...]], ...]}`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ingest.fast_json import decoded
from ingest.file_names import Folders, matches
from ingest.fileset import Fileset

FILE = "plan/named_files.json"  # in the results folder
Table = dict[str, list[tuple[str, Sequence[str]]]]


def named_files(rows: Collection[Mapping[str, Any]], places: Mapping[int, str]) -> Table:
    """By path: which fileset's row names it, and the row's `files` below it (none: all there is).

    `rows` are Filesets as JSON; `places` tell where what the row of a line names really lies, where
    that has been looked up. Rows that were refused name nothing.
    """
    table: Table = {}
    # It is asked about files that Bio-Formats adds, and those it adds to rows without a list.
    if all(row.get("files") or row.get("convert") or row.get("problem") for row in rows):
        return table
    for row in rows:
        if not row.get("problem"):
            files = row.get("files", ())
            place = places.get(row["row"]) or _place(row["path"], bool(files))
            table.setdefault(place, []).append((row["id"], files))
    return table


def named_by_another(results: Path, fileset: Fileset, files: Iterable[str]) -> tuple[str, str]:
    """The first of `files` that the row of another fileset names, and that fileset; ("", "")
    when there is none."""
    path = results / FILE
    table = _table(path, path.stat().st_mtime_ns)
    folders = Folders()
    for file in files:
        real = _real(file)
        for above in (real, *map(str, Path(real).parents)):
            for other, entries in table.get(above, ()):
                if other != fileset.id and _names(above, entries, real, folders):
                    return file, other
    return "", ""


def _names(path: str, entries: Sequence[str], file: str, folders: Folders) -> bool:
    if not entries:
        return True
    inner = file.removeprefix(path.rstrip("/") + "/")
    return any(inner in matches(path, entry, folders) for entry in entries)


def _place(path: str, has_files: bool) -> str:
    real = _real(path)
    return real.rpartition("/")[0] if has_files and not Path(real).is_dir() else real


def _real(path: str) -> str:
    if os.path.islink(path):  # noqa: PTH114 (of every file: pathlib takes five times as long)
        return os.path.realpath(path)
    head, _, name = path.rpartition("/")
    return f"{_real_folder(head or '/').rstrip('/')}/{name}"


@lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


@lru_cache(maxsize=1)
def _table(path: Path, _mtime_ns: int) -> Table:
    table: Table = decoded(path.read_bytes())
    return table
