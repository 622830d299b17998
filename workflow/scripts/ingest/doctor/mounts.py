"""Mounted file systems, from /proc/self/mountinfo (proc(5))."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ingest.hardlinks import nearest

IN_MEMORY = ("tmpfs", "ramfs")


@dataclass(frozen=True, slots=True)
class Mount:
    """`number` tells apart two mounts of one file system; `options` of the mount and the system."""

    number: int
    point: Path
    kind: str
    options: frozenset[str]


def read_mounts(text: str | None = None) -> list[Mount]:
    """What is mounted on this machine; `text` as /proc/self/mountinfo has it."""
    if text is None:
        text = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    mounts = []
    for line in text.splitlines():
        front, _, back = line.partition(" - ")
        fields, system = front.split(), back.split()
        if len(fields) < 6 or len(system) < 3:
            continue
        options = {*fields[5].split(","), *system[2].split(",")}
        mounts.append(Mount(int(fields[0]), Path(_plain(fields[4])), system[0], frozenset(options)))
    return mounts


def _plain(escaped: str) -> str:
    """A path of mountinfo, where blanks and the like are octal escapes."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), escaped)


def mount_of(path: Path, mounts: Iterable[Mount]) -> Mount | None:
    """The mount that a path, or the nearest folder above it that exists, lies on."""
    real = Path(os.path.realpath(nearest(path.absolute())))
    above = {real, *real.parents}
    # Of two mounts at one place the later one hides the earlier.
    found = [mount for mount in mounts if mount.point in above]
    return (
        max(enumerate(found), key=lambda each: (len(each[1].point.parts), each[0]))[1]
        if found
        else None
    )


def is_temporary(path: Path, mounts: Iterable[Mount], patterns: Iterable[str]) -> str:
    """Why a place is temporary storage; empty when it does not look so.

    A pattern is the path of a folder, or a glob for one folder's name, capitals or not.
    """
    mount = mount_of(path, mounts)
    if mount and mount.kind in IN_MEMORY:
        return f"{mount.point} is a {mount.kind}, which is empty after a restart"
    real = Path(os.path.realpath(path))
    for pattern in patterns:
        if pattern.startswith("/"):
            if real.is_relative_to(pattern):
                return f"it lies below {pattern}"
        elif any(fnmatchcase(part.lower(), pattern.lower()) for part in real.parts):
            return f"a folder in its path is called like {pattern}"
    return ""
