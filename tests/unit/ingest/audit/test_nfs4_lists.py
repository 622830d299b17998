"""Lists as NFS servers give them. There is none here: the call that reads one is stood in for."""

from __future__ import annotations

import os
import pwd
import struct
from pathlib import Path

import pytest

from ingest.audit.permissions import writers

ALLOW, DENY = 0, 1
INHERIT_ONLY, IS_GROUP = 0x08, 0x40
READ, WRITE, DELETE_CHILD, ALL = 0x1, 0x2 | 0x4, 0x40, 0x1F01FF

Entry = tuple[int, int, int, str]
PLAIN: tuple[Entry, ...] = (  # as Linux's server tells mode 0644
    (ALLOW, 0, READ | WRITE | 0x100 | 0x40000, "OWNER@"),
    (ALLOW, 0, READ, "GROUP@"),
    (ALLOW, 0, READ, "EVERYONE@"),
)


def packed(*entries: Entry) -> bytes:
    value = struct.pack(">I", len(entries))
    for kind, flags, rights, who in entries:
        name = who.encode()
        value += (
            struct.pack(">IIII", kind, flags, rights, len(name)) + name + b"\0" * (-len(name) % 4)
        )
    return value


@pytest.mark.parametrize(
    ("entries", "them"),
    [
        (PLAIN, ""),
        ((*PLAIN, (ALLOW, 0, READ, "ada@lab.example")), ""),
        ((*PLAIN, (ALLOW, 0, WRITE, "ada@lab.example")), "ada@lab.example (access list)"),
        ((*PLAIN, (ALLOW, 0, ALL, "4711")), "4711 (access list)"),
        ((*PLAIN, (ALLOW, IS_GROUP, ALL, "pis@lab")), "group pis@lab (access list)"),
        (((ALLOW, IS_GROUP, ALL, "GROUP@"), *PLAIN), "its group ({group})"),
        ((*PLAIN, (ALLOW, 0, 0x10000, "EVERYONE@")), "everybody"),
        ((*PLAIN, (ALLOW, INHERIT_ONLY, ALL, "4711")), ""),
        (((DENY, 0, ALL, "4711"), (ALLOW, 0, ALL, "4711")), ""),
        (((DENY, 0, WRITE, "EVERYONE@"), (ALLOW, 0, WRITE, "4711")), ""),
        (((ALLOW, 0, WRITE, "4711"), (DENY, 0, WRITE, "EVERYONE@")), "4711 (access list)"),
        ((*PLAIN, (ALLOW, 0, ALL, "{owner}"), (ALLOW, 0, ALL, "{name}@lab")), ""),
    ],
)
def test_who_may_change_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entries: tuple[Entry, ...], them: str
) -> None:
    path = tmp_path / "a.tif"
    path.touch(0o644)
    found = path.stat()
    names = {"owner": str(found.st_uid), "name": pwd.getpwuid(found.st_uid).pw_name}
    value = packed(*((*front, who.format(**names)) for *front, who in entries))  # type: ignore[arg-type]

    def getxattr(_path: str, name: str) -> bytes:
        if name != "system.nfs4_acl":
            raise OSError
        return value

    monkeypatch.setattr(os, "getxattr", getxattr)

    assert writers(str(path), found) == them.format(group=found.st_gid)


@pytest.mark.parametrize(("rights", "them"), [(READ, ""), (DELETE_CHILD, "4711 (access list)")])
def test_who_may_change_what_is_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rights: int, them: str
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr(os, "getxattr", lambda *_: packed(*PLAIN, (ALLOW, 0, rights, "4711")))

    assert writers(str(tmp_path), tmp_path.stat()) == them
