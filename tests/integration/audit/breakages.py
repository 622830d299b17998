"""What can happen to a file. Each is undone at the end of its block, to the last nanosecond."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def flipped(path: Path, keeps_time: bool = True) -> Iterator[None]:
    """One bit of the last byte is another."""
    with _rewritten(path, lambda b: b[:-1] + bytes([b[-1] ^ 1]), keeps_time):
        yield


@contextmanager
def truncated(path: Path) -> Iterator[None]:
    with _rewritten(path, lambda content: content[:-1], True):
        yield


@contextmanager
def touched(path: Path) -> Iterator[None]:
    with _rewritten(path, lambda content: content, False):
        yield


@contextmanager
def _rewritten(path: Path, change: Callable[[bytes], bytes], keeps_time: bool) -> Iterator[None]:
    before, content = path.stat(), path.read_bytes()
    times = (before.st_atime_ns, before.st_mtime_ns)
    _write(path, change(content))
    if keeps_time:
        os.utime(path, ns=times)
    yield
    _write(path, content)
    os.utime(path, ns=times)


def _write(path: Path, content: bytes) -> None:
    mode = path.stat().st_mode
    path.chmod(mode | 0o200)
    with path.open("r+b") as file:  # the same inode
        file.write(content)
        file.truncate()
    path.chmod(mode)


@contextmanager
def chmodded(path: Path, mode: int) -> Iterator[None]:
    before = path.stat().st_mode
    path.chmod(mode)
    yield
    path.chmod(before)


@contextmanager
def given_to(path: Path, user: int) -> Iterator[None]:
    before = path.stat()
    os.chown(path, user, before.st_gid)
    yield
    os.chown(path, before.st_uid, before.st_gid)
    path.chmod(before.st_mode)


@contextmanager
def link_given_to(path: Path, user: int) -> Iterator[None]:
    before = path.lstat()
    os.lchown(path, user, before.st_gid)
    yield
    os.lchown(path, before.st_uid, before.st_gid)


@contextmanager
def gone(path: Path, to: Path | None = None) -> Iterator[None]:
    """Moved away: out of all folders that are audited, or `to`."""
    aside = to or _outside(path)
    path.rename(aside)
    yield
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    aside.rename(path)


@contextmanager
def linked_to(path: Path, target: Path | str) -> Iterator[None]:
    with gone(path):
        path.symlink_to(target)
        yield


@contextmanager
def written_anew(path: Path, content: bytes | None = None) -> Iterator[None]:
    """Another file has its name, as old; by default with its bytes."""
    found, content = path.stat(), path.read_bytes() if content is None else content
    with gone(path):
        path.write_bytes(content)
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        yield


@contextmanager
def swapped(one: Path, other: Path) -> Iterator[None]:
    def swap() -> None:
        between = _outside(one)
        one.rename(between)
        other.rename(one)
        between.rename(other)

    swap()
    yield
    swap()


@contextmanager
def a_folder(path: Path) -> Iterator[None]:
    with gone(path):
        path.mkdir()
        yield


@contextmanager
def added(path: Path) -> Iterator[None]:
    path.write_text("not of OMERO")
    yield
    path.unlink()


@contextmanager
def granted(path: Path, access: bytes) -> Iterator[None]:
    """With an access control list."""
    mode = path.stat().st_mode
    os.setxattr(path, "system.posix_acl_access", access)
    yield
    os.removexattr(path, "system.posix_acl_access")
    path.chmod(mode)


def _outside(path: Path) -> Path:
    folder = path.parent
    while folder.name not in ("source", "store", "ManagedRepository"):
        folder = folder.parent
    return folder.parent / f"aside-{uuid.uuid4().hex}"


def tree(folder: Path) -> dict[str, tuple[object, ...]]:
    """What a folder holds, to see that all was put back."""
    return {
        str(path): (found.st_mode, found.st_ino, found.st_mtime_ns, found.st_size)
        for path in sorted(folder.rglob("*"))
        if not (found := path.lstat()).st_mode & 0o040000
    }


def other_bytes(path: Path) -> bytes:
    """Other bytes, as many."""
    return bytes(b ^ 0xFF for b in path.read_bytes())
