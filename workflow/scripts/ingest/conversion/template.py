"""The template contract: a command with placeholders, and globs for what it wrote."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath

from ingest.conversion.options import Request


def command(request: Request, opened: str, inputs: Sequence[str], output: str) -> list[str]:
    """The words of the converter's command; no shell takes part.

    `opened` is the file or folder to open and `inputs` are all input files, as the converter sees
    them; `output` is its output folder. Each word is filled in by itself, so that a value never
    becomes two words.
    """
    values = {
        **request.parameters,
        "input": opened,
        "output": output,
        "stem": stem(opened),
        "name": PurePosixPath(opened).name,
        "cpus": str(request.converter.cpus),
        "memory_mb": str(request.converter.memory_mb or ""),
    }
    words: list[str] = []
    for word in shlex.split(request.converter.command):
        words += inputs if word == "{inputs}" else [word.format_map(values)]
    return words


def stem(path: str) -> str:
    """A file's name without its suffix; `.ome.tif` and the like are one suffix."""
    name = PurePosixPath(path).name
    first, _, _ = name.rpartition(".")
    first = first or name
    return first[:-4] if first.lower().endswith(".ome") and len(first) > 4 else first
