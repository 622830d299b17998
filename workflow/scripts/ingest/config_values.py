"""What no option may hold, whatever its name: checked before any of them is looked at."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingest.import_options import LARGEST_ID

# Lines and tabs are text. Surrogates stand for bytes that are none, and no file can hold them.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
DEEPEST = 50  # blocks in blocks; options need four
MOST = 100_000  # values, those that YAML repeats (*name) counted once


def value_problems(options: Mapping[Any, Any]) -> Iterator[str]:
    """One sentence or two for each value that can be no option's.

    Values that YAML repeats are looked at once, so that a file of a kilobyte that stands for
    gigabytes is judged as the kilobyte it is.
    """
    seen: set[int] = set()
    waiting: list[tuple[str, int, Any]] = [("", 0, options)]
    while waiting:
        option, depth, value = waiting.pop()
        if isinstance(value, Mapping | list | tuple):
            if id(value) in seen:
                continue
            seen.add(id(value))
            if depth > DEEPEST or len(waiting) + len(value) > MOST:
                yield f"{option[:60]}: has more values than options can have. Remove it."
                return
            waiting += [
                (f"{option}.{_shown(key)}" if option else _shown(key), depth + 1, inner)
                for key, inner in _items(value)
            ]
            if isinstance(value, Mapping):
                waiting += [(option, depth + 1, key) for key in value if isinstance(key, str)]
        elif problem := _problem(value):
            yield f"{option}: {problem}"


def _items(value: Mapping[Any, Any] | Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    yield from value.items() if isinstance(value, Mapping) else enumerate(value)


def _problem(value: object) -> str:
    if isinstance(value, str) and (found := _NO_TEXT.search(value)):
        return f"holds the control character {found[0]!r}. Retype the text."
    if isinstance(value, int) and abs(value) > LARGEST_ID:
        return "is an impossibly large number. Write a smaller one."
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a usable number. Write one like 240."
    return ""


def _shown(key: object) -> str:
    text = str(key)
    return text if text.isprintable() and len(text) <= 60 else f"{text[:60]!r}"
