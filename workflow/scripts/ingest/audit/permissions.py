"""Who else than its owner may change a file, by its mode and its access control list: a POSIX one,
or the one that NFS version 4 shows (audit/nfs4_lists.py)."""

from __future__ import annotations

import os
import stat
import struct

from ingest.audit.nfs4_lists import EVERYBODY, GROUP, granted_by_list

_ACL = "system.posix_acl_access"
# linux/posix_acl.h and posix_acl_xattr.h: a version, then entries of a tag, rights and an id.
_USER, _GROUP_OBJECT, _GROUP, _MASK, _OTHER = 0x02, 0x04, 0x08, 0x10, 0x20
_WRITE = 2


def writers(path: str, found: os.stat_result, group_may: bool = False) -> str:
    """Who may write to a file or folder, in words; empty when only its owner may.

    `found` is its stat (links followed). With `group_may` its group is no stranger. What is in a
    folder with the sticky bit can only be replaced by those who own it or the folder.
    """
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
        return ""
    group = bool(found.st_mode & stat.S_IWGRP)
    named: list[str] = []
    if group:  # of a file with a list, these bits are the mask of all it grants
        granted = _granted(path)
        if granted is not None:
            group, named = granted
    # An NFS server's list may grant what the mode does not show.
    by_list = granted_by_list(path, found)
    them = []
    if (group or GROUP in by_list) and not group_may:
        them.append(f"its group ({found.st_gid})")
    if found.st_mode & stat.S_IWOTH or EVERYBODY in by_list:
        them.append("everybody")
    named += [f"{who} (access list)" for who in by_list if who not in (GROUP, EVERYBODY)]
    return ", ".join([*them, *named])


def _granted(path: str) -> tuple[bool, list[str]] | None:
    """By its list: whether the file's group may write, and which other users and groups may."""
    try:
        value = os.getxattr(path, _ACL)
    except (OSError, AttributeError):  # there is none, or no such thing here
        return None
    entries = list(struct.iter_unpack("<HHI", value[4:]))
    mask = next((rights for tag, rights, _ in entries if tag == _MASK), 7)
    may = [(tag, number) for tag, rights, number in entries if rights & mask & _WRITE]
    kinds = {_USER: "user", _GROUP: "group"}
    named = [f"{kinds[tag]} {number} (access list)" for tag, number in may if tag in kinds]
    return any(tag == _GROUP_OBJECT for tag, _ in may), named
