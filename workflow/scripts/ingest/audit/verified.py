"""When the audit last read each file: what decides which ones a part of an audit reads next."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from types import TracebackType

from ingest.atomic import write_text

DIFFERS = "differs"  # in place of a time: read it again every time, until it is repaired
FILE = "audit/verified.jsonl"  # in the results folder


class Verified:
    """Times (UTC, ISO 8601) by path, in a file that a killed audit leaves usable.

    While an audit works, lines are added at the end; when the next begins, they are put in order.
    """

    def __init__(self, results: Path) -> None:
        self._path = results / FILE
        self.times = _read(self._path)
        self._lock = threading.Lock()

    def __enter__(self) -> Verified:
        # One line a file again, whatever earlier audits added.
        write_text(self._path, "\n".join(json.dumps(pair) for pair in self.times.items()))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o644)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def note(self, path: str, time: str) -> None:
        """That the bytes of `path` were compared. Another audit may note its own at once."""
        line = "\n" + json.dumps([path, time])
        with self._lock:
            self.times[path] = time
            os.write(self._file, line.encode())


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return {}
    times = {}
    for line in lines:
        try:
            name, time = json.loads(line)
        except ValueError:  # of a process that was killed while it wrote
            continue
        times[name] = time
    return times
