"""Access control lists of NFS version 4, as Linux shows those of the server (RFC 7530, 6.2)."""

from __future__ import annotations

import os
import pwd
import stat
import struct
from collections.abc import Iterator

GROUP, EVERYBODY, _OWNER = "GROUP@", "EVERYONE@", "OWNER@"

_LIST = "system.nfs4_acl"
_ALLOW, _DENY = 0, 1
_ONLY_INHERITED = 0x08  # it is for what will be made in the folder
_IS_GROUP = 0x40
# What lets one change a file, or take the right to: write, append, delete, write its list, own it.
_CHANGES_FILE = 0x2 | 0x4 | 0x10000 | 0x40000 | 0x80000
# And what is in a folder: add a file, delete one, write the folder's list, own it.
_CHANGES_FOLDER = 0x2 | 0x40 | 0x40000 | 0x80000


def granted_by_list(path: str, found: os.stat_result) -> list[str]:
    """Who else than its owner may change a file or a folder: GROUP, EVERYBODY, or by name.

    `found` is its stat. Empty where there is no such list.
    """
    try:
        entries = list(_entries(os.getxattr(path, _LIST)))
    except (OSError, AttributeError, struct.error):  # there is none, or no such thing here
        return []
    changes = _CHANGES_FOLDER if stat.S_ISDIR(found.st_mode) else _CHANGES_FILE
    denied: dict[str, int] = {}
    may: dict[str, None] = {}
    for kind, flags, rights, who in entries:
        if flags & _ONLY_INHERITED:
            continue
        if kind == _DENY:
            denied[who] = denied.get(who, 0) | rights
        # The first entry that names a right decides on it.
        elif kind == _ALLOW and rights & changes & ~denied.get(who, 0) & ~denied.get(EVERYBODY, 0):
            may[f"group {who}" if flags & _IS_GROUP and who != GROUP else who] = None
    return [who for who in may if who != _OWNER and not _is_owner(who, found.st_uid)]


def _entries(value: bytes) -> Iterator[tuple[int, int, int, str]]:
    """Kind, flags, rights and name of each entry."""
    (count,) = struct.unpack_from(">I", value)
    place = 4
    for _ in range(count):
        kind, flags, rights, length = struct.unpack_from(">IIII", value, place)
        place += 16
        yield kind, flags, rights, value[place : place + length].decode("utf-8", "replace")
        place += length + -length % 4


def _is_owner(who: str, owner: int) -> bool:
    """Whether a name (`ada@lab.example`, or a number) is that of the owner."""
    name = who.partition("@")[0]
    if name.isdecimal():
        return int(name) == owner
    try:
        return pwd.getpwnam(name).pw_uid == owner
    except (KeyError, ValueError):
        return False
