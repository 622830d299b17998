"""What lies in a tree: every file's stamp, what is junk, and what cannot be looked at."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from ingest.words import printable

# Names that are never images, by their lower-case form.
_JUNK = ("thumbs.db", "ehthumbs.db", "desktop.ini", "*~", "~$*", "*.swp", "*.lnk", "*.crswap")
# What browsers, copy programs and file transfer clients call a file that is not there yet.
_ARRIVING = (
    ".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload", ".tmp", ".temp",
    ".aria2",
)  # fmt: skip

_DEEPEST = 100  # folders within each other

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Stamp(NamedTuple):
    """What `stat` tells of a file: all of it stays as it is when nobody touches the file."""

    inode: int
    size: int  # bytes
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    @property
    def content(self) -> tuple[int, int, int]:
        """What changes when the content does; a change of name or permissions leaves it."""
        return self.inode, self.size, self.mtime_ns


@dataclass
class Listing:
    """The regular files below a folder by absolute path, links followed.

    `arriving` are those that a program is still writing, by the name it gives them; `refused` maps
    paths (as `shown`) that are no files for us to the reason. `problems` are folders that cannot
    be listed.
    """

    root: str
    files: dict[str, Stamp] = field(default_factory=dict)
    arriving: dict[str, Stamp] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_tree(root: str, ignore: Sequence[str] = (), subfolders: bool = True) -> Listing:
    """Looks at every file below `root`, in the order of names."""
    tree = Listing(root)
    _read(tree, root, "", ignore, subfolders, ())
    return tree


def folders_of(root: str) -> tuple[list[str], list[str]]:
    """The names of the folders, and of the other entries, directly in `root`; none that is hidden.

    Raises OSError when the folder cannot be read.
    """
    folders: list[str] = []
    others: list[str] = []
    with os.scandir(root) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                (folders if _is_folder(entry) else others).append(entry.name)
    return sorted(folders), sorted(others)


def stamp_of(path: str) -> Stamp | None:
    """None when there is no such file, or it cannot be asked for."""
    try:
        return Stamp.of(Path(path).stat())
    except OSError:
        return None


def is_ignored(name: str, inner: str, ignore: Sequence[str]) -> bool:
    """Whether a file of this name, at the path `inner` below the root, is passed over."""
    return any(fnmatchcase(name, glob) or fnmatchcase(inner, glob) for glob in ignore)


def final_name(path: str) -> str:
    """The name that an arriving file will have; any other's own."""
    lower = path.lower()
    ending = next((ending for ending in _ARRIVING if lower.endswith(ending)), "")
    return path.removesuffix(path[len(path) - len(ending) :])


def shown(path: str) -> str:
    """A path as it can be told: what no terminal and no UTF-8 text shows is escaped."""
    return printable(path.encode("utf-8", "backslashreplace").decode())


def _read(
    tree: Listing,
    folder: str,
    inner: str,
    ignore: Sequence[str],
    subfolders: bool,
    above: tuple[tuple[int, int], ...],
) -> None:
    try:
        here = Path(folder).stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return  # removed since its name was read
    except OSError as error:
        tree.problems.append(f"{folder} cannot be read: {error.strerror}")
        return
    identity = here.st_dev, here.st_ino
    if identity in above:
        return  # a link to a folder that it lies in
    if len(above) > _DEEPEST:
        tree.refused[shown(folder)] = f"it lies more than {_DEEPEST} folders deep"
        return
    for entry in entries:
        name, below = entry.name, f"{inner}{entry.name}"
        if is_ignored(name, below, ignore):
            continue
        if _is_folder(entry):
            if subfolders and not name.startswith("."):
                _read(tree, entry.path, f"{below}/", ignore, True, (*above, identity))
            continue
        reason = _not_ours(name, entry.path)
        if reason:
            tree.refused[shown(entry.path)] = reason
            continue
        try:
            status = entry.stat()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP):  # removed since its name was read, or
                if entry.is_symlink():
                    tree.refused[shown(entry.path)] = "it is a link that leads nowhere"
                continue
            tree.problems.append(f"{entry.path} cannot be asked for: {error.strerror}")
            continue
        if not stat.S_ISREG(status.st_mode):
            tree.refused[shown(entry.path)] = "it is not a file but a pipe, a socket or a device"
        elif name.lower().endswith(_ARRIVING):
            tree.arriving[entry.path] = Stamp.of(status)
        else:
            tree.files[entry.path] = Stamp.of(status)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link in a circle, say: its status will tell


def _not_ours(name: str, path: str) -> str:
    lower = name.lower()
    if name.startswith(".") or any(fnmatchcase(lower, glob) for glob in _JUNK):
        return "its name says that it is no image"
    return "; ".join(_unusable(path))


def _unusable(path: str) -> Iterator[str]:
    try:
        path.encode()
    except UnicodeEncodeError:
        yield "its path is not valid UTF-8: rename it"
        return
    if _CONTROL.search(path):
        yield "its path holds control characters or a line break: rename it"
    if path != path.strip():
        yield "its name ends with a space: rename it"
