"""How far a job is with its batch: a small file in the results, which the main process reads.

Jobs may run on any node; the results folder is what they and the main process have in common.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = ".progress"  # in the results folder
INTERVAL = 5.0  # seconds between two writes


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far one job is.

    `filesets` are done, `failed` of them without success, in `seconds`; `bytes` were read or
    written, and the files that the stage was given hold `size` bytes. `ended`: the records are
    written.
    """

    filesets: int = 0
    failed: int = 0
    bytes: int = 0
    size: int = 0
    seconds: float = 0.0
    ended: bool = False


class Progress:
    """Counts filesets and bytes of one batch; safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._filesets = 0
        self._failed = 0
        self._bytes = 0

    def advance(self, size: int) -> None:
        """`size` more bytes were read or written."""
        with self._lock:
            self._bytes += size

    def fileset_done(self, failed: bool = False) -> None:
        with self._lock:
            self._filesets += 1
            self._failed += failed

    @contextmanager
    def noted(self, path: Path, size: int, interval: float = INTERVAL) -> Iterator[None]:
        """Writes to `path` how far it is for as long as the block runs, and that it ended well.

        `size` is how many bytes the batch's files hold.
        """
        ending = threading.Event()
        start = time.monotonic()

        def note(ended: bool) -> None:
            with self._lock:
                counts = self._filesets, self._failed, self._bytes
            seconds = round(time.monotonic() - start, 3)
            _write(path, JobProgress(*counts, size, seconds, ended))

        def tick() -> None:
            while not ending.wait(interval):
                note(ended=False)

        note(ended=False)
        ticker = threading.Thread(target=tick, name="progress", daemon=True)
        ticker.start()
        try:
            yield
        finally:
            ending.set()
            ticker.join()
        note(ended=True)


def progress_path(results: Path, stage: str, batch: str) -> Path:
    return results / FOLDER / f"{stage}.{batch}"


def tool_progress_path(results: Path, tool: str) -> Path:
    """Beside those of a run's jobs, which a tool may work beside."""
    return results / f".progress-{tool}"


@contextmanager
def tool_noted(progress: Progress, results: Path, tool: str, size: int) -> Iterator[None]:
    """`noted` for a tool that reads `size` bytes, of which nothing is left when the block ends."""
    path = tool_progress_path(results, tool)
    try:
        with progress.noted(path, size):
            yield
    finally:
        path.unlink(missing_ok=True)


def _write(path: Path, progress: JobProgress) -> None:
    # Whoever cannot write here will hear so from the records; for a number's sake nothing fails.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}")
        partial.write_text(json.dumps(asdict(progress)))
        partial.replace(path)
