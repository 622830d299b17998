"""Told by the file system that something changed, where it does: polling does without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

# Not those of reading, which a scan causes itself, nor each write of a file that is still open.
_TOLD = ("created", "moved", "closed", "deleted")


class _Handler(FileSystemEventHandler):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in _TOLD:
            self._wake()


@contextmanager
def woken(
    roots: Sequence[Path], wake: Callable[[], None], say: Callable[[str], None]
) -> Iterator[None]:
    """Calls `wake` when something changes below the roots, as far as this host sees it."""
    observer = Observer()
    observer.start()
    handler = _Handler(wake)
    for root in roots:
        try:
            observer.schedule(handler, str(root), recursive=True)
        except OSError as error:  # too many folders to watch, or none
            say(f"{root} is only looked at every interval: {error.strerror or error}")
    try:
        yield
    finally:
        observer.stop()
        observer.join()
