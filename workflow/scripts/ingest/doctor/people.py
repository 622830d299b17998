"""Accounts of the operating system: ours, and the one that OMERO's server runs as.

What the server's account may do is told from mode bits. Access control lists are not read: a file
that has one is left out.
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

READ, WRITE, SEARCH = 4, 2, 1
_ACL = "system.posix_acl_access"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine by its numbers, with all its groups."""

    uid: int
    gids: frozenset[int]

    @property
    def name(self) -> str:
        return user_name(self.uid)

    def may(self, wanted: int, found: os.stat_result) -> bool:
        """Whether the mode bits of a file or folder give this account READ, WRITE or SEARCH."""
        if self.uid == 0:
            return wanted != SEARCH or bool(found.st_mode & 0o111)
        if found.st_uid == self.uid:
            return bool(found.st_mode >> 6 & wanted)
        if found.st_gid in self.gids:
            return bool(found.st_mode >> 3 & wanted)
        return bool(found.st_mode & wanted)

    def may_reach(self, path: Path) -> bool:
        """Whether it may search every folder above a file (links followed)."""
        above = Path(os.path.realpath(path)).parents
        return all(has_acl(folder) or self.may(SEARCH, folder.stat()) for folder in above)


def ourselves() -> Account:
    """The account of this process."""
    return Account(os.geteuid(), frozenset({os.getegid(), *os.getgroups()}))


def account_of(uid: int, gid: int) -> Account:
    """The account of a number that owns a folder of group `gid`, with the groups known here."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(uid, frozenset({gid}))
    return Account(uid, frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid)))


def user_name(uid: int) -> str:
    """By name where this machine knows one."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def group_name(gid: int) -> str:
    """By name where this machine knows one."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def has_acl(path: Path) -> bool:
    """Whether access lists tell more than the mode does."""
    try:
        os.getxattr(path, _ACL)
    except OSError:  # none, or a file system that knows none or shows none
        return False
    return True


def is_read_only(folder: Path) -> bool:
    """Whether it is mounted read-only: no permission helps there."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def current_umask() -> int:
    """Read from /proc: asking the system sets another one for a moment."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (text,) = (line.split()[1] for line in lines if line.startswith("Umask:"))
    return int(text, 8)
