"""The files that a row lists."""

from __future__ import annotations

from pathlib import Path

from ingest.file_names import Folders, matches
from ingest.fileset import Fileset, StageError
from ingest.source_errors import unreadable


def listed_files(fileset: Fileset) -> list[str]:
    """The files that the row's `files` mean, in their order and each once."""
    folder = fileset.path if Path(fileset.path).is_dir() else str(Path(fileset.path).parent)
    found: dict[str, None] = {}
    folders = Folders()
    for entry in fileset.files:
        try:
            names = matches(folder, entry, folders)
        except OSError as error:
            raise unreadable(error.filename or folder, error) from None
        if not names:
            raise StageError(
                f"no file in {folder} matches {entry!r} of the row's `files`",
                "Put the file back, or correct the row's `files`, and run the same command again.",
            )
        found.update(dict.fromkeys(f"{folder}/{name}" for name in names))
    return list(found)
