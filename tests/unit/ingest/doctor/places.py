"""A folder that every account can reach, and looks at it as an ordinary one: root sees no fault.

Whoever runs the tests is root, who can give files away and put on another account.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from ingest.doctor.findings import Finding, examined
from ingest.doctor.rows import Row
from ingest.fileset import Fileset

US, OMERO, STRANGER = 41001, 41002, 41003  # numbers of accounts and of groups that nobody has


def as_account(
    look: Callable[[], Iterable[Finding]], uid: int = US, groups: tuple[int, ...] = (US,)
) -> list[Finding]:
    """What `look` finds in a process of this account."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setgroups(list(groups))
        os.setresgid(groups[0], groups[0], groups[0])
        os.setresuid(uid, uid, uid)
        os.write(writing, json.dumps([asdict(each) for each in examined("test", look)]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        found = [Finding(**each) for each in json.loads(answer.read())]
    os.waitpid(child, 0)
    return found


def folder(path: Path, uid: int = 0, gid: int = 0, mode: int = 0o755) -> Path:
    path.mkdir()
    os.chown(path, uid, gid)
    path.chmod(mode)
    return path


def file(path: Path, uid: int = 0, gid: int = 0, mode: int = 0o644, content: str = "x") -> Path:
    path.write_text(content)
    os.chown(path, uid, gid)
    path.chmod(mode)
    return path


def row(*paths: Path, landed: bool = False, **columns: str) -> Row:
    size = sum(path.stat().st_size for path in paths)
    fileset = Fileset("a", 2, str(paths[0]), **columns)
    return Row(fileset, tuple(map(str, paths)), size, landed)


def faults(found: Iterable[Finding]) -> list[str]:
    """What must be fixed; each has a remedy."""
    bad = [each for each in found if each.status == "fix"]
    assert all(each.remedy for each in bad)
    return [each.finding for each in bad]


def statuses(found: Iterable[Finding]) -> set[str]:
    return {each.status for each in found}
