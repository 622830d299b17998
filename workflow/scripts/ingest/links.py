"""A symbolic link that is led elsewhere: always there, to the old place or to the new one."""

from __future__ import annotations

from pathlib import Path

from ingest.atomic import fsync_folder
from ingest.copying import partial_path, write_error
from ingest.fileset import StageError


def lead(link: Path, old: str, new: str) -> None:
    """Replaces a link to `old` by one to `new`; one that an earlier attempt replaced is left.

    The new link is renamed over the old one. Raises StageError for a link to anything else.
    """
    beside = partial_path(link)  # always the same: a killed attempt's is found again
    try:
        beside.unlink(missing_ok=True)
        found = str(link.readlink())
    except OSError as error:
        raise write_error(link, error) from None
    if found == new:
        return
    if found != old:
        raise StageError(
            f"{link} in OMERO's repository leads to {found}, not to {old}: it was left as it is",
            "Find out who changed it, and where it should lead.",
        )
    try:
        beside.symlink_to(new)
        beside.rename(link)
        fsync_folder(link.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise write_error(link, error) from None
