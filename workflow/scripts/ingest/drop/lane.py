"""The folders in which one user's files arrive, and what a scan knows of the files in one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ingest.drop.listing import Stamp, folders_of, is_ignored, shown
from ingest.drop.options import EACH_USER, Tree


@dataclass(frozen=True, slots=True)
class Lane:
    """A folder of one user (empty: the account that logs in) in the tree called `tree`."""

    tree: str
    root: str
    user: str
    options: Tree

    def inner(self, path: str) -> str:
        """A path relative to the lane's root."""
        return path[len(self.root.rstrip("/")) + 1 :]

    def holds(self, path: str) -> bool:
        # Metadata may name a file by way of `..`.
        return os.path.normpath(path).startswith(self.root.rstrip("/") + "/")

    def may_begin(self, path: str) -> bool:
        """Whether a file of this name may begin a fileset."""
        allowed = self.options.whitelist
        return not allowed or is_ignored(Path(path).name, self.inner(path), allowed)


@dataclass(frozen=True)
class Files:
    """The files of a lane: all their stamps, and which of them are `new` (never handed on),
    `quiet` (unchanged for as long as they must be) or still `arriving` under another name."""

    stamps: Mapping[str, Stamp]
    new: Set[str]
    quiet: Set[str]
    arriving: Set[str] = frozenset()

    @cached_property
    def busy(self) -> Set[str]:
        """New files that may still be written."""
        return self.new - self.quiet


@dataclass(frozen=True, slots=True)
class Candidate:
    """Files that are one fileset. `files` begins with the one to open; `path` is what the manifest
    names: the file, or the folder that `files` lie in. Bio-Formats finds the files anew, when it
    is imported, unless they are `listed`. `waits` says what it must wait for."""

    path: str
    files: tuple[str, ...]
    listed: bool
    waits: str = ""


def lanes(name: str, options: Tree) -> tuple[list[Lane], dict[str, str]]:
    """The lanes of a tree, and what lies beside the users' folders with the reason why it is
    refused.

    Raises OSError when the tree cannot be read.
    """
    root = str(options.root.absolute())
    folders, others = folders_of(root)
    if options.user != EACH_USER:
        return [Lane(name, root, options.user, options)], {}
    found = [
        Lane(name, f"{root}/{user}", user, options.of_user(user))
        for user in folders
        if not (user in options.users and options.users[user].skip)
        and not is_ignored(user, user, options.ignore)
    ]
    reason = "it lies beside the users' folders: put it into one of them"
    return found, {shown(f"{root}/{other}"): reason for other in others}


def ancestors(path: str, root: str) -> Iterator[str]:
    """The folders that a path lies in, up to `root`."""
    folder = str(Path(path).parent)
    while len(folder) >= len(root):
        yield folder
        if folder == root:
            return
        folder = str(Path(folder).parent)
