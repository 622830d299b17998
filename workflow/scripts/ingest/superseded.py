"""What an earlier run put in the store for an import that failed, before the source was repaired:
it makes room for what is made of the repaired one, and is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.atomic import fsync_folder
from ingest.context import Context
from ingest.copying import make_folder, write_error
from ingest.fileset import Fileset
from ingest.journal import last_done

FOLDER = ".superseded"  # in the store; what lies there is never used again


def is_superseded(destination: Path, fileset: Fileset, context: Context) -> bool:
    """Whether `destination` is as our last transfer of this fileset left it, and no fileset in
    OMERO can be made of it: every import that was begun is known to have been removed again."""
    events = context.journal.events(fileset.id)
    return _as_we_left_it(destination, events) and nothing_in_omero(events)


def set_aside(destination: Path, store: Path, fileset: Fileset) -> None:
    """Moves a file of this fileset in the store, or all of its folder, to FOLDER.

    Raises StageError when it cannot be moved.
    """
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    kept = store / FOLDER / fileset.id / now / destination.relative_to(store / fileset.id)
    make_folder(kept.parent)
    try:
        destination.rename(kept)
    except OSError as error:
        raise write_error(kept, error) from None
    fsync_folder(kept.parent)
    fsync_folder(destination.parent)


def _as_we_left_it(destination: Path, events: Sequence[dict[str, Any]]) -> bool:
    transfer = last_done(events, "transfer")
    if transfer is None:
        return False
    found = destination.stat()
    left = {
        file["path"]: (file["size"], file["mtime_ns"], file["inode"])
        for file in transfer["record"]["files"]
    }
    return left.get(str(destination)) == (found.st_size, found.st_mtime_ns, found.st_ino)


def nothing_in_omero(events: Sequence[dict[str, Any]]) -> bool:
    """Whether every import that was begun is known to have been removed again."""
    begun = {event["import_id"] for event in events if "import_id" in event}
    removed = {event["removed_import"] for event in events if "removed_import" in event}
    return begun <= removed
