"""Targets by regular expression, `regex:[DISCRIMINATOR:]PATTERN`: a row's folder names its target.

The pattern has to match the whole folder (with `/` between names) and hold a group `Container1`,
which is the name of a Screen for plates and of a Dataset for anything else. Discriminators are
those of names; `+name` when there is none. This is the official importer's meaning, except that
what does not match is an error here and an orphan there. Patterns are Java's: `(?<Container1>...)`,
`\\Q...\\E` and sets with `&&` are understood, and Python's `(?P<Container1>...)` too.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

from ingest.fileset import Problem, StageError

PREFIX = "regex:"
GROUP = "Container1"
LONGEST = 1000  # characters of a pattern
MOST_COUNTED = 10_000  # repetitions, all of a pattern's counts {n} multiplied: each takes memory
MATCHING = 1.0  # seconds that one folder may take; a sound pattern takes microseconds

_DISCRIMINATORS = ("name", "+name", "-name", "%name", "@name")
_COUNT = re.compile(r"\{(\d*),?(\d*)\}")
_ESCAPE = re.compile(r"\\(?:Q(?P<quoted>.*?)(?:\\E|\Z)|k<(?P<again>\w+)>|.)", re.DOTALL)
_EXAMPLE = "regex:name:.*/(?<Container1>[^/]+)"

_too_slow: set[str] = set()


def is_template(target: str) -> bool:
    return target.startswith(PREFIX)


def template_problem(target: str) -> Problem | None:
    """What is wrong with a template, whatever the folder; None if nothing."""
    import regex  # not Python's own: it takes Java's groups, and gives up in time

    if len(target) > LONGEST:
        return Problem(
            f"the regular expression of the target has {len(target)} characters",
            f"Write one of at most {LONGEST}.",
        )
    discriminator, pattern = _parts(target)
    if discriminator not in _DISCRIMINATORS:
        return Problem(
            f"target {target!r} has the unknown discriminator {discriminator!r} before its second "
            "colon",
            f"Write one of {', '.join(_DISCRIMINATORS)} there, also when the pattern itself has a "
            f"colon: {PREFIX}name:{target.removeprefix(PREFIX)}",
        )
    counts = [int(number or 1) for pair in _COUNT.findall(pattern) for number in pair]
    if math.prod(max(1, count) for count in counts) > MOST_COUNTED:
        return Problem(
            f"target {target!r} asks for too many repetitions",
            "Write + or * instead of the counts in braces.",
        )
    try:
        groups = _compiled(pattern).groupindex
    except RecursionError:
        return Problem(
            f"target {target!r} has too many groups within groups", "Write a simpler pattern."
        )
    except regex.error as error:
        return Problem(
            f"target {target!r} is not a regular expression: {error}",
            f"Correct it; an example is {_EXAMPLE}",
        )
    if GROUP not in groups:
        return Problem(
            f"target {target!r} has no group named {GROUP}, which is to be the container's name",
            f"Put the part of the folder that names it into (?<{GROUP}>...), as in {_EXAMPLE}",
        )
    return None


def concrete_target(template: str, folder: str, is_plate: bool) -> str:
    """The target that a template (one without problem) means for a row's folder.

    Raises StageError when the folder does not match.
    """
    discriminator, pattern = _parts(template)
    name = _name(template, pattern, folder)
    if not name.strip():
        raise StageError(
            f"the target {template} matches the folder {folder} with an empty name ({GROUP})",
            "Correct the pattern, or give the row a target by name.",
        )
    return f"{'Screen' if is_plate else 'Dataset'}:{discriminator}:{name}"


def _name(template: str, pattern: str, folder: str) -> str:
    remedy = "Correct the pattern (it has to match the whole folder), or give the row a target by "
    try:
        if pattern in _too_slow:
            raise TimeoutError
        found = _compiled(pattern).fullmatch(folder, timeout=MATCHING, concurrent=True)
    except TimeoutError:
        _too_slow.add(pattern)
        raise StageError(
            f"the target {template} takes too long to match: its pattern has endless ways to try",
            "Write it without a repetition inside a repetition, such as (a*)*.",
        ) from None
    if found is None:
        raise StageError(
            f"the target {template} does not match the folder {folder}", f"{remedy}name."
        )
    return str(found[GROUP] or "")


def _parts(template: str) -> tuple[str, str]:
    """Discriminator and pattern."""
    first, colon, rest = template.removeprefix(PREFIX).partition(":")
    return (first, rest) if colon else ("+name", first)


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> Any:
    import regex

    return regex.compile(_ESCAPE.sub(_as_python, pattern), regex.VERSION1)


def _as_python(escape: re.Match[str]) -> str:
    """What Java alone writes so: text that is quoted whole, a group's text once more."""
    if escape["quoted"] is not None:
        return re.escape(escape["quoted"])
    return f"(?P={escape['again']})" if escape["again"] else escape[0]
