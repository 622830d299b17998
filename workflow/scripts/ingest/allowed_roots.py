"""Where the files of rows may lie: below the option `allowed_roots`, symbolic links followed.

The plan sees to it for what rows name. What Bio-Formats adds to that, because a file's metadata
names it, is known to the stages only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ingest.fileset import StageError


def check_allowed(paths: Iterable[str], roots: Sequence[Path]) -> None:
    """Raises StageError for the first of `paths` outside all of `roots` (none: anywhere)."""
    prefixes = tuple(os.path.realpath(root).rstrip("/") + "/" for root in roots)
    for path in paths if prefixes else ():
        if not os.path.realpath(path).startswith(prefixes):
            raise StageError(
                f"{path} belongs to the fileset, and is outside the allowed folders",
                "If it is meant, add its folder to the option allowed_roots; if not, find out why "
                "the metadata of the row's file names it.",
            )
