"""A fileset's files on disk: what may be wrong with them, and whether they are what they were."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ingest.context import Context
from ingest.fileset import SourceFile, StageError
from ingest.source_errors import SourceChanged, unreadable

# Files, and bytes, that one thread takes at a time: so few files may be open while they are copied.
HANDFUL, HANDFUL_BYTES = 64, 1 << 22

S = TypeVar("S")
T = TypeVar("T")


def for_each_file(
    work: Callable[[SourceFile], T], files: Sequence[SourceFile], context: Context
) -> list[T]:
    """What `work` returns for each file, several at once, as many as the job has threads for."""
    return for_handfuls(lambda some: [work(file) for file in some], files, context)


def for_handfuls(
    work: Callable[[Sequence[SourceFile]], Sequence[T]],
    files: Sequence[SourceFile],
    context: Context,
) -> list[T]:
    """What `work` returns for the files, of which it is given a few small ones or one large one.

    Several handfuls are in work at once. Threads and slots cost as much as a small file does.
    """

    def in_slot(some: Sequence[SourceFile]) -> Sequence[T]:
        with context.slots:
            return work(some)

    results = in_threads(in_slot, handfuls(files, context.threads), context.threads)
    return [result for some in results for result in some]


def handfuls(files: Sequence[SourceFile], threads: int) -> list[Sequence[SourceFile]]:
    """The files in their order, in portions that keep so many threads busy."""
    most = max(1, min(HANDFUL, len(files) // threads))
    found: list[list[SourceFile]] = []
    room, size = 0, 0
    for file in files:
        if not room or size + file.size > HANDFUL_BYTES:
            found.append([])
            room, size = most, 0
        found[-1].append(file)
        room, size = room - 1, size + file.size
    return [*found]


def in_threads(work: Callable[[S], T], items: Sequence[S], threads: int) -> list[T]:
    """What `work` returns for each item, several at once.

    The first error ends it: what is in work is finished, the rest not begun.
    """
    if threads == 1 or len(items) < 2:
        # Another thread takes longer than a small file does.
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as executor:
        futures = [executor.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            executor.shutdown(cancel_futures=True)
            raise


def is_text(path: str) -> bool:
    """Whether a path is text: file systems take any bytes, and Python shows those as surrogates."""
    return path.isascii() or not any("\ud800" <= each <= "\udfff" for each in path)


def stat_source(path: str) -> os.stat_result:
    """The stat of a readable regular file (links followed); StageError when it is none."""
    try:
        found = Path(path).stat()
    except OSError as error:
        raise unreadable(path, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise StageError(f"{path} is not a regular file", "List the fileset's files one by one.")
    if not os.access(path, os.R_OK):
        raise unreadable(path, PermissionError("Permission denied"))
    return found


def source_file(path: str, name: str) -> SourceFile:
    """A file as it is now, without digests. Raises StageError when it is no readable file."""
    found = stat_source(path)
    if not is_text(path):
        raise StageError(
            f"the name of {path} is not valid UTF-8, as OMERO's are", "Rename the file."
        )
    return SourceFile(path, path, name, found.st_size, found.st_mtime_ns, found.st_ino)


def found_at(path: Path, file: SourceFile) -> SourceFile:
    """`file` as it is at `path`, which has its bytes by now. Raises OSError."""
    found = path.stat()
    return replace(
        file,
        path=str(path),
        size=found.st_size,
        mtime_ns=found.st_mtime_ns,
        inode=found.st_ino,
    )


def check_as_recorded(file: SourceFile, at: str) -> None:
    """Raises StageError when `file.path` is not what the stage named `at` found there."""
    found = stat_source(file.path)
    if not _same(file, found):
        raise SourceChanged(file.path, f"it changed after its {at}")


def still_there(file: SourceFile, removed: Container[str]) -> bool:
    """Whether `file.path` is as recorded, or gone because a later stage removed it on purpose."""
    try:
        return _same(file, Path(file.path).stat())
    except (FileNotFoundError, NotADirectoryError):
        return file.path in removed
    except OSError:
        return False


def _same(file: SourceFile, found: os.stat_result) -> bool:
    recorded = (file.size, file.mtime_ns, file.inode)
    return recorded == (found.st_size, found.st_mtime_ns, found.st_ino)
