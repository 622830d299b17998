"""Copies that are the source's bytes, on disk, or not there at all."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ingest.atomic import fsync_folder
from ingest.digests import blocks, check_unchanged, digest_file, open_source
from ingest.fileset import SourceFile, StageError
from ingest.source_errors import SourceChanged, unreadable

# What copies are compared by, when there is a choice.
VERIFICATION = "BLAKE3"
STRONG = 32  # hexadecimal digits of a digest that tells any two files apart, but for an attacker
PIECE = 1 << 26  # bytes that the kernel copies at a time


def copy_verified(
    file: SourceFile, destination: Path, advance: Callable[[int], None] = lambda _size: None
) -> None:
    """`copy_to`, and its name survives a power cut when this returns."""
    copy_to(file, destination, advance)
    fsync_folder(destination.parent)


def copy_to(
    file: SourceFile, destination: Path, advance: Callable[[int], None] = lambda _size: None
) -> None:
    """Copies `file.path` to `destination`, which must not exist, and verifies the copy.

    The source must be as recorded (size, mtime, inode) before and after. What was written is read
    again, from the disk, and must have the recorded digest: so the copy is what was checksummed,
    whoever copied it. Only then it gets its name; until then it has a `.partial` one, which a later
    call replaces. It keeps the source's modification time and is read-only. The source is only ever
    read.

    Where the file system can share blocks (a reflink), the copy shares the source's. The caller
    has the folder fsynced, once for all files that go there: it takes as long as a small copy.
    Raises StageError (SourceChanged when the source is not as recorded any more).
    """
    partial = partial_path(destination)
    make_folder(destination.parent)
    try:
        partial.unlink(missing_ok=True)
        _write(file, partial, advance)
        _verify(file, partial)
        os.utime(partial, ns=(file.mtime_ns, file.mtime_ns))
        partial.chmod(stat.S_IMODE(partial.stat().st_mode) & ~0o222)
        if os.path.lexists(destination):
            raise StageError(
                f"{destination} appeared while it was being written",
                "Find out what else writes there, and run the same command again.",
            )
        partial.rename(destination)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise write_error(destination, error) from None
    except StageError:
        partial.unlink(missing_ok=True)
        raise


def partial_path(destination: Path) -> Path:
    """The name a copy has until it is complete: always the same, and never too long."""
    name = hashlib.sha256(os.fsencode(destination.name)).hexdigest()[:32]
    return destination.parent / f".{name}.partial"


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, and sees to it that they survive a power cut."""
    missing = [above for above in (folder, *folder.parents) if not above.exists()]
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
        remedy = "Free space (or raise the quota) on the file system it lies on"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = (
            "Give the account that runs the jobs permission to write there (to the folders that "
            "OMERO makes: a group in common, the setgid bit, and umask 0002 for the server)"
        )
    else:
        remedy = "Check the file system it lies on"
    return f"{remedy}, and run the same command again."


def _write(file: SourceFile, partial: Path, advance: Callable[[int], None]) -> None:
    """Writes the source's bytes to `partial`, on disk."""
    try:
        source = open_source(file.path)
    except OSError as error:
        raise unreadable(file.path, error) from None
    try:
        before = os.fstat(source)
        if (before.st_size, before.st_mtime_ns, before.st_ino) != (
            file.size,
            file.mtime_ns,
            file.inode,
        ):
            raise SourceChanged(file.path, "it changed after its checksum")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        target = os.open(partial, flags, 0o666)
        try:
            copied = 0
            for count in _copied(file.path, source, target, file.size):
                if hasattr(os, "posix_fadvise"):
                    # The disk begins to write while the rest is read.
                    os.posix_fadvise(target, copied, count, os.POSIX_FADV_DONTNEED)
                copied += count
                advance(count)
            os.fsync(target)
        finally:
            os.close(target)
    finally:
        os.close(source)
    check_unchanged(file.path, before, copied)


def _copied(path: str, source: int, target: int, size: int) -> Iterator[int]:
    """Copies piece by piece, and tells how many bytes each has."""
    left = size
    while left and (count := _copied_by_kernel(source, target, min(left, PIECE))):
        left -= count
        yield count
    for block in _read(path, source):
        _write_all(target, block)
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


def _read(path: str, descriptor: int) -> Iterator[memoryview]:
    try:
        yield from blocks(descriptor)
    except OSError as error:
        raise unreadable(path, error) from None


def _write_all(descriptor: int, block: memoryview) -> None:
    while block:
        block = block[os.write(descriptor, block) :]


def _verify(file: SourceFile, partial: Path) -> None:
    """Compares the copy, read from the disk, with the digest that the source was recorded with."""
    algorithm, recorded = _strong_digest(file)
    forget_cached(partial)
    found = digest_file(partial, [algorithm]).digests[algorithm]
    if found == recorded:
        return
    _check_source(file, _source_digests(file, [algorithm]))
    raise StageError(
        f"the copy of {file.path} was read back with {algorithm} {found}, but {recorded} was "
        "written",
        "The disk it lies on does not keep what is written to it: check it, and run the same "
        "command again.",
    )


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
    if hasattr(os, "posix_fadvise"):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
