"""Numbers, names and failures as people read them, on the terminal and in reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

NAMED = 3  # names in a sentence; the rest is counted


def printable(text: str) -> str:
    """`text` with its control characters escaped: names of files may hold some, and steer a
    terminal."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def counted(number: int, noun: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def some(names: Sequence[str], word: str = "files", most: int = NAMED) -> str:
    """The first `most` names in a sentence, and how many there are besides."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more {word}"


class Failure(Protocol):
    """What a fileset's record or outcome says of its failure."""

    @property
    def stage(self) -> str: ...
    @property
    def cause(self) -> str: ...
    @property
    def remedy(self) -> str: ...


Failed = TypeVar("Failed", bound=Failure)


def alike(failures: Iterable[Failed]) -> list[list[Failed]]:
    """Failures with the same cause together: a server that is down fails all rows alike."""
    groups: dict[tuple[str, str, str], list[Failed]] = {}
    for failure in failures:
        groups.setdefault((failure.stage, failure.cause, failure.remedy), []).append(failure)
    return list(groups.values())


def told(what: str, cause: str, remedy: str) -> str:
    """A failure in three lines: what failed, why, and what to do."""
    return f"  {what}\n    cause:  {printable(cause)}\n    remedy: {printable(remedy)}"


def size(number: float) -> str:
    """`number` bytes, in decimal units: `512 B`, `1.2 MB`, `340 GB`."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if value < 999.5 or unit == "PB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 99.95 else f"{value:.1f} {unit}"


def duration(seconds: float) -> str:
    """`< 0.1 s`, `0.4 s`, `42 s`, `3 min 05 s`, `2 h 07 min`, `3 d 4 h`."""
    if 0 < seconds < 0.05:
        return "< 0.1 s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"
