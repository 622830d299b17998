"""When runs began and how they ended: one line each, in the results folder."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Literal

FILE = "runs.jsonl"  # in the results folder

Handler = Callable[[int, FrameType | None], Any]  # of a signal
End = Literal["ok", "failed", "stopped"]


def note_begin(results: Path) -> str:
    """Notes that a run begins; returns its start, which names it: UTC, ISO 8601."""
    started = now()
    _append(results, {"started": started, "host": socket.gethostname(), "process": os.getpid()})
    return started


def note_end(results: Path, started: str, outcome: End, words: str) -> None:
    """Notes how the run that `note_begin` named ended."""
    _append(results, {"started": started, "ended": now(), "outcome": outcome, "words": words})


def noting_stops(note: Callable[[], None]) -> None:
    """Has `note` called first when this process is asked to end, by people or a service manager:
    such an end is no failure that anybody has to be told of."""
    for number in (signal.SIGINT, signal.SIGTERM):
        act = signal.getsignal(number)
        if callable(act):
            signal.signal(number, _noting(note, act))


def _noting(note: Callable[[], None], act: Handler) -> Handler:
    def received(number: int, frame: FrameType | None) -> None:
        note()
        act(number, frame)

    return received


def read_runs(results: Path) -> list[dict[str, Any]]:
    """All runs, oldest first, with `started`, `ended`, `outcome` (an End), `host` and `words`.

    `ended` and `outcome` are empty when a run was killed, or goes on.
    """
    try:
        lines = (results / FILE).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    runs: dict[str, dict[str, Any]] = {}
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue  # the last line of a process that was killed
        blank = {"ended": "", "outcome": "", "host": "", "words": ""}
        run = runs.setdefault(found["started"], {**blank, "started": found["started"]})
        run.update({name: found[name] for name in blank if name in found})
    return [runs[started] for started in sorted(runs)]


def now() -> str:
    """UTC, ISO 8601, with microseconds, so that such times sort as texts."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _append(results: Path, line: dict[str, Any]) -> None:
    # On a full disk the run itself fails, with words of its own.
    with contextlib.suppress(OSError), (results / FILE).open("ab") as file:
        # Whatever a killed process left stands on a line of its own.
        file.write(b"\n" + json.dumps(line).encode() + b"\n")
