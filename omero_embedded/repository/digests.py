"""What the bytes on disk are, without reading the same bytes twice."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from omero_embedded.repository.checksums import checksum


class Digests:
    """Digests of files by what `stat` says of them: a file that changed is read again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str | int, ...], str] = {}
        self._lock = threading.Lock()

    def now(self, path: Path, algorithm: str) -> str:
        """The file's digest as it is now. Raises OSError when it cannot be read."""
        return self.of(path, path.stat(), algorithm)

    def of(self, path: Path, stat: os.stat_result, algorithm: str) -> str:
        """The digest of a file of which `stat` was just said. Raises OSError when it cannot be
        read."""
        key = (algorithm, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = checksum(path, algorithm)
            with self._lock:
                self._known[key] = known
        return known
