"""The journal: what was about to be done and what came of it, per fileset, kept for good.

It is what survives a killed job. Every line is on disk before `append` returns, so
an intent that is written before an irreversible act is there whenever the act may have happened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from ingest.atomic import fsync_folder
from ingest.fast_json import decoded, encoded

JOURNAL = "journal"  # its folder in the results folder

Event = Literal["intent", "done", "failed"]


class Journal:
    """Events of filesets, one append-only file each: `<folder>/<xx>/<fileset>.jsonl`.

    Each line is a JSON object with "time" (UTC, ISO 8601), "stage", "event" and the event's facts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: set[Path] = set()  # folders that are known to survive a power cut

    def path(self, fileset_id: str) -> Path:
        # Spread over 256 folders: one with 100,000 files is slow on network file systems.
        spread = hashlib.sha256(fileset_id.encode()).hexdigest()[:2]
        return self.folder / spread / f"{fileset_id}.jsonl"

    def events(self, fileset_id: str) -> list[dict[str, Any]]:
        """All events of one fileset, oldest first; [] when there are none.

        A line that a killed process did not complete is left out: what it announced was not begun.
        """
        try:
            lines = self.path(fileset_id).read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        events = []
        for line in lines:
            try:
                event = decoded(line)
            except ValueError:
                continue
            if isinstance(event, dict) and {"stage", "event"} <= event.keys():
                events.append(event)
        return events

    def append(self, fileset_id: str, stage: str, event: Event, **facts: Any) -> None:
        """Adds one event and returns when it is on disk. `facts` are JSON values, or a record.

        A stage that is going to remove files appends an "intent" with `removes=[path, ...]`, once
        all their bytes are verified elsewhere: see `removed`.
        """
        entry = {"time": datetime.now(UTC).isoformat(), "stage": stage, "event": event, **facts}
        line = encoded(entry) + b"\n"
        path = self.path(fileset_id)
        is_new = not path.exists()
        if is_new:
            path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            end = os.fstat(descriptor).st_size
            if end and os.pread(descriptor, 1, end - 1) != b"\n":
                line = b"\n" + line
            # One write: two processes' lines must not mix.
            if os.write(descriptor, line) != len(line):
                raise OSError(f"the journal {path} could not be written: is its disk full?")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            fsync_folder(path.parent)
            if path.parent not in self._kept:
                fsync_folder(path.parent.parent)
                self._kept.add(path.parent)

    def removed(self, fileset_id: str) -> frozenset[str]:
        """Paths that a stage announced it would remove: if one is gone, nothing is lost."""
        try:
            # Asked for every row of some manifests: most journals need not be parsed.
            if b'"removes"' not in self.path(fileset_id).read_bytes():
                return frozenset()
        except FileNotFoundError:
            return frozenset()
        return frozenset(
            path for event in self.events(fileset_id) for path in event.get("removes", ())
        )


def last_done(events: Sequence[dict[str, Any]], stage: str) -> dict[str, Any] | None:
    """The event of a stage's last success, with its `key` and `record` among the facts."""
    ends = (event for event in reversed(events) if event["event"] == "done")
    return next((event for event in ends if event["stage"] == stage), None)
