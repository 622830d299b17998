"""omero::api::RawFileStore: reading and writing files, in the repository and beside it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omero.rtypes import rlong

from omero_embedded.sessions.servant_map import Stateful
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

# OMERO.server's limit for one read.
_LONGEST_READ = 64_000_000


@dataclass(frozen=True)
class Saving:
    """`is_written`: something was written since the last time. `is_asked_for`: the OriginalFile."""

    is_written: bool
    is_asked_for: bool


class RawFile(Stateful):
    """One file. `note` records size and digest where that is called for, and returns the
    OriginalFile, or a Future of it; None when nothing was recorded."""

    def __init__(
        self,
        file_id: int,
        path: Path,
        writable: bool,
        note: Callable[[Saving], Any],
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._file_id = file_id
        self._path = path
        self._writable = writable
        self._note = note
        self._on_close = on_close
        self._descriptor: int | None = None
        self._is_written = False
        self._lock = threading.Lock()

    def setFileId(self, call: Call, file_id: int) -> None:
        raise errors.api_usage("this store belongs to one file: its id cannot be set")

    def getFileId(self, call: Call) -> Any:
        return rlong(self._file_id)

    def exists(self, call: Call) -> bool:
        return self._path.exists()

    def size(self, call: Call) -> int:
        with _disk_errors(self._path):
            return self._path.stat().st_size

    def read(self, call: Call, position: int, length: int) -> bytes:
        if length > _LONGEST_READ:
            raise errors.api_usage(f"{length} bytes at once are too many: at most {_LONGEST_READ}")
        with _disk_errors(self._path), self._path.open("rb") as file:
            file.seek(position)
            return file.read(length)

    def write(self, call: Call, content: bytes, position: int, length: int) -> None:
        with self._lock, _disk_errors(self._path):
            descriptor, rest = self._open(), memoryview(content)[:length]
            # A disk that is nearly full takes a part without an error.
            while rest:
                written = os.pwrite(descriptor, rest, position)
                rest, position = rest[written:], position + written

    def truncate(self, call: Call, length: int) -> bool:
        with self._lock, _disk_errors(self._path):
            descriptor = self._open()
            if os.fstat(descriptor).st_size <= length:
                return False
            os.ftruncate(descriptor, length)
            return True

    def _open(self) -> int:
        """The file opened for writing. Never through a link: its other end is not ours."""
        if not self._writable:
            raise errors.security("File not writeable!")
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o666)
            if os.fstat(descriptor).st_nlink > 1:
                os.close(descriptor)
                raise errors.security(
                    f"File not writeable! {self._path} is a hard link to a file outside"
                )
            self._descriptor = descriptor
        self._is_written = True
        return self._descriptor

    def save(self, call: Call) -> Any:
        """The OriginalFile with size and digest of what is on disk now; None when they were not
        computed anew."""
        return self._save(is_asked_for=True)

    def finish(self) -> Any:
        """OMERO.server saves whatever it closes. None, or a Future that is done, with None, when
        it is saved. Raises omero.ResourceError for a file that cannot be read."""
        if self._writable and not self._is_written and not self._path.exists():
            return None  # opened for writing, and nothing was written
        noted = self._save(is_asked_for=False)
        return noted if isinstance(noted, Future) else None

    def _save(self, is_asked_for: bool) -> Any:
        is_written, self._is_written = self._is_written, False
        return self._note(Saving(is_written, is_asked_for))

    def close(self, call: Call) -> Any:
        try:
            return self.finish()
        finally:
            super().close(call)

    def release(self) -> None:
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
        self._on_close()


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """What the file system refuses, as OMERO says it."""
    try:
        yield
    except OSError as error:
        raise errors.resource(f"{path}: {error.strerror}") from error
