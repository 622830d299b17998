"""Files that are either the old ones or the new ones, whatever is killed in between."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path


def write_bytes(path: Path, content: bytes, sync: bool = True) -> None:
    """Write `content` to `path`, creating its folder; a reader never sees a part of it.

    An OSError leaves what was there before untouched. Without `sync` nothing waits for the disk,
    and a power cut may leave a file that is too short.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{uuid.uuid4().hex}.partial"
    try:
        with temporary.open("xb") as file:
            file.write(content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        fsync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Like `write_bytes`, in UTF-8 and with line ends as they are.

    File names that are not valid UTF-8 hold surrogates, which have no UTF-8 form: they are written
    as escapes, like `\\udcff`.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def fsync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems refuse fsync on a folder; the file's own content is safe.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
