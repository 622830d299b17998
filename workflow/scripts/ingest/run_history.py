"""When runs began and how they ended: one line each, in the results folder."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FILE = "runs.jsonl"  # in the results folder


def note_begin(results: Path) -> str:
    """Notes that a run begins; returns its start, which names it: UTC, ISO 8601."""
    started = now()
    _append(results, {"started": started, "host": socket.gethostname(), "process": os.getpid()})
    return started


def note_end(results: Path, started: str, failed: bool, words: str) -> None:
    """Notes how the run that `note_begin` named ended."""
    outcome = "failed" if failed else "ok"
    _append(results, {"started": started, "ended": now(), "outcome": outcome, "words": words})


def read_runs(results: Path) -> list[dict[str, Any]]:
    """All runs, oldest first, with `started`, `ended`, `outcome` (ok, failed), `host` and `words`.

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
