"""What may be wrong with a source file, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.fileset import StageError

LISTED = 10  # names in an error: the first few tell what is going on


class SourceChanged(StageError):
    """A file was written to while it was read: no digest of it means anything."""

    def __init__(self, path: str, change: str) -> None:
        super().__init__(
            f"{path} is still being written: {change}",
            "Run the same command again when nothing writes to this file any more.",
        )


def unreadable(path: str, error: OSError) -> StageError:
    """The StageError for a source file that could not be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return StageError(
            f"{path} does not exist (any more)",
            "Put the file back, or correct the row's path and files, and run the same command "
            "again.",
        )
    if isinstance(error, PermissionError):
        return StageError(
            f"{path} may not be read",
            "Give the account that runs the jobs permission to read the file and to enter its "
            "folders.",
        )
    return StageError(
        f"{path} could not be read: {error.strerror or error}",
        "Check its disk or network mount, then run the same command again.",
    )


def some_of(names: Sequence[str], separator: str = ", ") -> str:
    """The first LISTED of what an error is about, and how many more there are."""
    more = [f"and {len(names) - LISTED} more"] if len(names) > LISTED else []
    return separator.join([*names[:LISTED], *more])
