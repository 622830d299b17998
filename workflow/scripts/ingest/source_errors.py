"""What may be wrong with a source file, and what to do about it."""

from __future__ import annotations

from ingest.fileset import StageError


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
            "Put the file back, or correct the row's path and files, and run the same command.",
        )
    if isinstance(error, PermissionError):
        return StageError(
            f"{path} may not be read",
            "Give the user the jobs run as permission to read the file and to enter its folders.",
        )
    return StageError(
        f"{path} could not be read: {error.strerror or error}",
        "Check the disk or the network mount it lies on, then run the same command again.",
    )
