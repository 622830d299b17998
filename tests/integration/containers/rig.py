"""A job's surroundings for conversions, and how to look at what they left."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

from ingest.config import load
from ingest.context import Context
from ingest.journal import Journal


def context_of(folder: Path, converters: dict[str, Any], **convert: Any) -> Context:
    results = folder / "results"
    options = {
        "results": str(results),
        "convert": {"store": str(folder / "store"), **convert},
        "converters": converters,
    }
    return Context(load(options), results, Journal(results / "journal"), threads=2)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def a_long_time() -> int:
    """Seconds that nothing else on this machine sleeps, by which a test knows what is its own."""
    return random.randrange(10_000, 1_000_000)


def is_running(command: str) -> bool:
    """Whether a process of this machine, in a container or not, has this command line."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if line.replace(b"\0", b" ").decode(errors="replace").strip() == command:
                return True
    return False


def descendants(pid: int) -> list[int]:
    """A process and all that came of it, as far as they still hang together."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text()
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found
