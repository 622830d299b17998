"""Hard links: whether one can be made, found out without making any, and making them."""

from __future__ import annotations

import errno
import os
import stat
from functools import lru_cache
from pathlib import Path

from ingest.fileset import StageError

_PROTECTION = Path("/proc/sys/fs/protected_hardlinks")
_STATUS = Path("/proc/thread-self/status")
_MOUNTS = Path("/proc/self/mountinfo")
_WITHOUT_LINKS = ("vfat", "msdos", "exfat")
_CAP_FOWNER = 1 << 3
_UNKNOWN_LIMIT = 127  # what the C library answers for a file system it has no number for


class NoHardLink(StageError):
    """A hard link is not possible; a copy may be."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"no hard link of {path} can be made: {reason}",
            "Use cp or ln_s for this row, or have source and destination on one file system and "
            "let the files belong to the account that runs the jobs.",
        )


def link_obstacle(path: str, folder: Path) -> str:
    """Why no hard link of a file (links to it followed) can be made below `folder`, which need not
    exist yet; empty when nothing is known against it.

    A bind mount is seen only when the link is made: it shows the device of what it is a mount of.
    """
    found = Path(path).stat()
    device = nearest(folder).stat().st_dev
    if found.st_dev != device:
        return f"{folder} is on another file system"
    if _kind(device) in _WITHOUT_LINKS:
        return f"a file system of the kind {_kind(device)} has none"
    if found.st_nlink >= _limit(path):
        return f"the file has {found.st_nlink} links, which is all that its file system allows"
    if _links_are_protected() and not _may_link_protected(path, found):
        return "it belongs to another user, and Linux protects it (fs.protected_hardlinks)"
    return ""


def hard_link(path: str, destination: Path) -> None:
    """Makes `destination` a hard link of a file. Raises NoHardLink, and OSError for the rest."""
    try:
        # Resolved: a link to a symbolic link would be a second name of that link, not of the bytes.
        os.link(os.path.realpath(path), destination)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
            raise
        raise NoHardLink(path, error.strerror or str(error)) from None


def nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return next(above for above in (folder, *folder.parents) if above.exists())


def _links_are_protected() -> bool:
    try:
        return _PROTECTION.read_text().strip() != "0"
    except OSError:
        return False


def _may_link_protected(path: str, found: os.stat_result) -> bool:
    """The kernel's rule (fs/namei.c): the owner may; others only what they may write anyway, and
    nothing that runs with its owner's rights."""
    if os.geteuid() == found.st_uid or _acts_as_owner():
        return True
    mode = found.st_mode
    runs_as_owner = mode & stat.S_ISUID or (mode & stat.S_ISGID and mode & stat.S_IXGRP)
    return (
        stat.S_ISREG(mode)
        and not runs_as_owner
        and os.access(path, os.R_OK | os.W_OK, effective_ids=True)
    )


def _acts_as_owner() -> bool:
    """Whether this process has CAP_FOWNER, as root has, though not in every container."""
    try:
        status = _STATUS.read_text()
    except OSError:
        return os.geteuid() == 0
    (effective,) = (line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) & _CAP_FOWNER)


def _limit(path: str) -> float:
    """How many links a file may have."""
    try:
        limit = os.pathconf(path, "PC_LINK_MAX")
    except (OSError, ValueError):
        return float("inf")
    return limit if limit > 0 and limit != _UNKNOWN_LIMIT else float("inf")


@lru_cache(maxsize=64)
def _kind(device: int) -> str:
    """The kind of file system that a device number stands for; empty when it is not known."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = _MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in mounts:
        front, _, back = line.partition(" - ")
        if front.split()[2:3] == [number]:
            return back.partition(" ")[0]
    return ""
