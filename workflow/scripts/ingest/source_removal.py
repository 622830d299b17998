"""Removing a source because its row asks for it: whether that can work, and doing it."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from pathlib import Path

from ingest.fileset import SourceFile, StageError


def gone_on_purpose(files: Iterable[SourceFile], removed: Container[str]) -> set[str]:
    """The paths of those files that are gone because a stage said so (see `Journal.removed`)."""
    return {file.path for file in files if file.path in removed and not os.path.lexists(file.path)}


def check_removable(path: Path, instead: str) -> None:
    """Raises StageError for a link, and for a file that this account may not remove.

    `instead` is what a user can do in the row to have the file kept.
    """
    if path.is_symlink():
        raise StageError(
            f"{path} is a symbolic link: removing it would leave its target behind",
            f"Name the file itself in the row, or {instead}.",
        )
    if os.access(path.parent, os.W_OK | os.X_OK):
        return
    if path.parent.is_dir() and os.statvfs(path.parent).f_flag & os.ST_RDONLY:
        raise StageError(
            f"{path} may not be removed, as its row asks: it is mounted read-only",
            f"Have it mounted for writing, or {instead}.",
        )
    raise StageError(
        f"{path} may not be removed from its folder, as its row asks",
        f"Give the account that runs the jobs permission to write there, or {instead}.",
    )


def remove_source(path: Path, state: str) -> None:
    """Removes a source whose bytes are verified elsewhere; `state` says where, for the error.

    Raises StageError when it cannot be removed.
    """
    try:
        path.unlink()
    except OSError as error:
        raise StageError(
            f"{path} is {state}, but could not be removed: {error.strerror or error}",
            "Give the account that runs the jobs permission to remove it, and run the same "
            "command again.",
        ) from None
