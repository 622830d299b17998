"""Copies that are the source's bytes, on disk, or not there at all."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from ingest.atomic import fsync_folder
from ingest.digests import (
    BLOCK,
    Buffer,
    blocks,
    check_unchanged,
    digest_file,
    open_source,
    read_ahead,
)
from ingest.fileset import SourceFile, StageError
from ingest.source_errors import SourceChanged, unreadable
from ingest.source_files import in_threads

# What copies are compared by, when there is a choice.
VERIFICATION = "BLAKE3"
STRONG = 32  # hexadecimal digits of a digest that tells any two files apart, but for an attacker
PIECE = 1 << 26  # bytes that the kernel copies at a time
_KEPT_AT_ONCE = 8  # files that wait for the disk at a time


Advance = Callable[[int], None]


def copy_verified(
    file: SourceFile, destination: Path, advance: Advance = lambda _size: None
) -> None:
    """`copy_several` of one file, and its name survives a power cut when this returns."""
    copy_several([(file, destination)], advance)
    fsync_folder(destination.parent)


def copy_several(
    files: Iterable[tuple[SourceFile, Path]], advance: Advance = lambda _size: None
) -> None:
    """Copies each file's `path` to its destination, which must not exist, and verifies the copies.

    The source must be as recorded (size, mtime, inode) before and after. What was written is read
    again, from the disk, and must have the recorded digest: so the copy is what was checksummed,
    whoever copied it. Only then it gets its name; until then it has a `.partial` one, which a later
    call replaces. It keeps the source's modification time and is read-only. The source is only ever
    read.

    Where the file system can share blocks (a reflink), the copy shares the source's. The caller
    has the folders fsynced, once for all files that go there: it takes as long as a small copy.
    Each file is open until all are written. Raises StageError (SourceChanged when a source is not
    as recorded any more); then those that have their names are whole, and of the others nothing is
    left.
    """
    copies = [_Copy(file, destination) for file, destination in files]
    for folder in dict.fromkeys(copy.destination.parent for copy in copies):
        make_folder(folder)
    # Step by step for all. Each is still fsynced by itself, which alone tells of its errors and is
    # known to reach the disk on every file system (syncfs is not). But all are on their way there
    # by then, so the first waits for most of them, and several at a time share what is left: on a
    # busy disk a third of the time that one after another took.
    try:
        for step, at_once in ((_write, 1), (_keep, _KEPT_AT_ONCE), (_verify, 1), (_give_name, 1)):
            in_threads(partial(_take, step, advance), copies, at_once)
    except BaseException:
        for copy in copies:
            copy.close()
            copy.partial.unlink(missing_ok=True)
        raise


def _take(step: Callable[[_Copy, Advance], None], advance: Advance, copy: _Copy) -> None:
    try:
        step(copy, advance)
    except OSError as error:
        raise write_error(copy.destination, error) from None


class _Copy:
    """A copy in the making; `descriptor` is of its partial file while that is open."""

    def __init__(self, file: SourceFile, destination: Path) -> None:
        self.file = file
        self.destination = destination
        self.partial = partial_path(destination)
        self.descriptor: int | None = None

    def open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self.descriptor = os.open(self.partial, flags, 0o666)
        except FileExistsError:
            self.partial.unlink()
            self.descriptor = os.open(self.partial, flags, 0o666)
        return self.descriptor

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


def partial_path(destination: Path) -> Path:
    """The name a copy has until it is complete: always the same, and never too long."""
    name = hashlib.sha256(os.fsencode(destination.name)).hexdigest()[:32]
    return destination.parent / f".{name}.partial"


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, and sees to it that they survive a power cut."""
    missing = []
    above = folder
    while not above.exists():
        missing.append(above)
        above = above.parent
    if not missing:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from None
    for made in missing:
        fsync_folder(made.parent)


def write_error(path: Path, error: OSError) -> StageError:
    """The StageError for something that could not be written to a store or repository."""
    cause = f"{path} could not be written: {error.strerror or error}"
    return StageError(cause, write_remedy(error))


def write_remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        remedy = "Free space (or raise the quota) on its file system"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = (
            "Give the account that runs the jobs permission to write there (to the folders that "
            "OMERO makes: a group in common, the setgid bit, and umask 0002 for the server)"
        )
    else:
        remedy = "Check its file system"
    return f"{remedy}, and run the same command again."


def _write(copy: _Copy, advance: Advance) -> None:
    """Writes the source's bytes to the partial file, which stays open, and begins to keep them."""
    file = copy.file
    try:
        source, before = open_source(file.path)
    except OSError as error:
        raise unreadable(file.path, error) from None
    try:
        if (before.st_size, before.st_mtime_ns, before.st_ino) != (
            file.size,
            file.mtime_ns,
            file.inode,
        ):
            raise SourceChanged(file.path, "it changed after its checksum")
        target = copy.open()
        copied = 0
        for count in _copied(file.path, source, target, file.size):
            if hasattr(os, "posix_fadvise"):
                # The disk begins to write while the rest is read.
                os.posix_fadvise(target, copied, count, os.POSIX_FADV_DONTNEED)
            copied += count
            advance(count)
    finally:
        os.close(source)
    check_unchanged(file.path, before, copied)
    # Before anything is kept: a change between two fsyncs would make the second a long one again.
    os.utime(copy.partial, ns=(file.mtime_ns, file.mtime_ns))
    os.fchmod(target, stat.S_IMODE(os.fstat(target).st_mode) & ~0o222)


def _keep(copy: _Copy, _advance: Advance) -> None:
    """Has the partial file on disk, and no more in memory."""
    target = copy.descriptor
    assert target is not None
    os.fsync(target)
    _forget(target)
    if copy.file.size < BLOCK and hasattr(os, "posix_fadvise"):
        # The disk begins to read it, while others are kept.
        os.posix_fadvise(target, 0, 0, os.POSIX_FADV_WILLNEED)
    copy.close()


def _copied(path: str, source: int, target: int, size: int) -> Iterator[int]:
    """Copies piece by piece, and tells how many bytes each has."""
    left = size
    if size > PIECE:
        read_ahead(source)
    while left and (count := _copied_by_kernel(source, target, min(left, PIECE))):
        left -= count
        yield count
    if left:
        for block in _read(path, source, left):
            _write_all(target, memoryview(block))
            yield len(block)


def _copied_by_kernel(source: int, target: int, size: int) -> int:
    """How many bytes the kernel copied, or shared; 0 when it cannot between these file systems.

    An error is met again by whoever copies the rest, and is then known to be the source's or the
    copy's.
    """
    try:
        return os.copy_file_range(source, target, size)
    except (AttributeError, OSError):  # not every system has it
        return 0


def _read(path: str, descriptor: int, size: int) -> Iterator[Buffer]:
    try:
        yield from blocks(descriptor, size)
    except OSError as error:
        raise unreadable(path, error) from None


def _write_all(descriptor: int, block: memoryview) -> None:
    while block:
        block = block[os.write(descriptor, block) :]


def _verify(copy: _Copy, _advance: Advance) -> None:
    """Compares the copy, read from the disk, with the digest that the source was recorded with."""
    file = copy.file
    algorithm, recorded = _strong_digest(file)
    found = digest_file(copy.partial, [algorithm]).digests[algorithm]
    if found == recorded:
        return
    _check_source(file, _source_digests(file, [algorithm]))
    raise StageError(
        f"the copy of {file.path} was read back with {algorithm} {found}, but {recorded} was "
        "written",
        "Its disk does not keep what is written to it: check it, and run the same command again.",
    )


def _give_name(copy: _Copy, _advance: Advance) -> None:
    if os.path.lexists(copy.destination):
        raise StageError(
            f"{copy.destination} appeared while it was being written",
            "Find out what else writes there, and run the same command again.",
        )
    copy.partial.rename(copy.destination)


def _strong_digest(file: SourceFile) -> tuple[str, str]:
    """A recorded algorithm that no damage escapes, and its digest; one of now if there is none."""
    strong = [name for name, digits in file.digests.items() if len(digits) >= STRONG]
    if strong:
        algorithm = VERIFICATION if VERIFICATION in strong else strong[0]
        return algorithm, file.digests[algorithm]
    now = _source_digests(file, [*file.digests, VERIFICATION])
    _check_source(file, now)
    return VERIFICATION, now[VERIFICATION]


def _source_digests(file: SourceFile, algorithms: Iterable[str]) -> Mapping[str, str]:
    try:
        return digest_file(file.path, algorithms).digests
    except OSError as error:
        raise unreadable(file.path, error) from None


def _check_source(file: SourceFile, now: Mapping[str, str]) -> None:
    for algorithm, digits in now.items():
        recorded = file.digests.get(algorithm, digits)
        if digits != recorded:
            raise StageError(
                f"{file.path} was read with {algorithm} {digits}, but its checksum was {recorded}",
                "The disk or the network gave two different answers: check them, and run the same "
                "command again.",
            )


def content_digests(file: SourceFile, is_gone: bool) -> Mapping[str, str]:
    """The digests that a file with the bytes of `file.path` has: the recorded ones, or one of now
    when nothing but sizes was recorded. Empty when there is nothing to compare with: a source that
    `is_gone` was verified before it was removed."""
    recorded = {name: digits for name, digits in file.digests.items() if name != "File-Size-64"}
    if recorded or is_gone:
        return recorded
    return digest_file(file.path, [VERIFICATION]).digests


def forget_cached(path: Path) -> None:
    """Asks that the next read comes from the disk (it may not; on NFS it usually does)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _forget(descriptor)
    finally:
        os.close(descriptor)


def _forget(descriptor: int) -> None:
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
