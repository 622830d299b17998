"""How far a batch is: one plain line on stderr, now and then, for batches that take long."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

INTERVAL = 10.0  # seconds between lines, and before the first


class Progress:
    """Counts filesets and bytes of one batch; safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._filesets = 0
        self._bytes = 0

    def advance(self, size: int) -> None:
        """`size` more bytes were read or written."""
        with self._lock:
            self._bytes += size

    def fileset_done(self) -> None:
        with self._lock:
            self._filesets += 1

    def line(self, label: str, total: int, seconds: float) -> str:
        with self._lock:
            filesets, size = self._filesets, self._bytes
        text = f"{label}: {filesets} of {total} filesets"
        if size:
            text += f", {size / 1e9:.2f} GB, {size / 1e6 / max(seconds, 1e-9):.0f} MB/s"
        return f"{text}, {seconds:.0f} s"

    @contextmanager
    def shown(self, label: str, total: int, interval: float = INTERVAL) -> Iterator[None]:
        """Prints a line every `interval` seconds for as long as the block runs."""
        ended = threading.Event()
        start = time.monotonic()

        def tick() -> None:
            while not ended.wait(interval):
                print(self.line(label, total, time.monotonic() - start), file=sys.stderr)

        ticker = threading.Thread(target=tick, name="progress", daemon=True)
        ticker.start()
        try:
            yield
        finally:
            ended.set()
            ticker.join()
