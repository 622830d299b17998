"""Looks at all processes of the machine again and again: their command lines and environments."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PAUSE = 0.02  # seconds


@dataclass
class Seen:
    """Every command line, and by command line whose environment held what is secret."""

    lines: set[bytes] = field(default_factory=set)
    trusted: set[bytes] = field(default_factory=set)


@contextmanager
def watched(secret: str) -> Iterator[Seen]:
    seen, ended = Seen(), threading.Event()

    def look() -> None:
        while not ended.wait(PAUSE):
            for process in Path("/proc").iterdir():
                if process.name.isdigit():
                    _note(process, secret.encode(), seen)

    thread = threading.Thread(target=look, name="watcher", daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _note(process: Path, secret: bytes, seen: Seen) -> None:
    try:
        line = (process / "cmdline").read_bytes()
        seen.lines.add(line)
        if secret in (process / "environ").read_bytes():
            seen.trusted.add(line)
    except OSError:
        return  # it has ended
