"""Removes what an import that did not succeed left behind, in OMERO and in its repository.

Only an import's own fileset and its own folder of the managed repository are touched, and never
the one name left of some bytes that were hard-linked there.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from ingest.copying import partial_path
from ingest.fileset import SourceFile, StageError
from ingest.import_transfers import way
from ingest.omero import queries
from ingest.omero.errors import RUN_AGAIN, Passing
from ingest.omero.repository import ManagedRepository
from ingest.omero.session import Session
from ingest.omero.taking_out import delete_filesets
from ingest.omero.transfers import PROBE_SIZES

_OF_PROBES = frozenset(b"0123456789abcdef-")

log = logging.getLogger("ingest")


def remove_fileset(
    session: Session,
    repository: ManagedRepository,
    fileset_id: int,
    transfer: str,
    sources: Sequence[SourceFile],
    annotations: Sequence[int] = (),
) -> None:
    """Deletes a fileset with its images and what its import, by `transfer`, put in the repository.

    `annotations` were there before the import, which linked them: they stay.
    Raises StageError when the repository may hold the last of some bytes, or OMERO refuses.
    """
    locations = [
        repository.locate(entry.path, entry.name) for entry in queries.entries(session, fileset_id)
    ]
    how = way(transfer)
    if how == "ln":
        for location in locations:
            _check_linked_elsewhere(location, fileset_id)
    elif how != "ln_s":
        _check_sources_there(sources, fileset_id)
    if how == "cp":
        # First, while the fileset still tells where they are: OMERO knows nothing of them.
        _remove_all([partial_path(location) for location in locations], sources)
    plates = queries.plate_ids(session, fileset_id)
    try:
        delete_filesets(session, [fileset_id], plates, annotations)
    except Passing:
        raise
    except StageError as error:
        if queries.fileset_exists(session, fileset_id):
            raise StageError(
                f"{error.cause}. It was left by an import that did not succeed",
                f"Delete it in OMERO, then run again. {RUN_AGAIN} if this was temporary.",
            ) from None
    if how != "upload":
        _remove_all(locations, sources)


def _remove_all(locations: Sequence[Path], sources: Sequence[SourceFile]) -> None:
    for location in locations:
        if not remove_leftover(location, sources):
            log.warning("%s was left there: it may be the only one of its bytes", location)


def remove_leftover(location: Path, sources: Sequence[SourceFile]) -> bool:
    """Removes a link, copy or probe of an import from the folder the server made for it.

    False when that might take the last name of a source's bytes: then nothing is removed.
    """
    try:
        found = location.lstat()
    except OSError:
        return True
    if stat.S_ISREG(found.st_mode):
        if any(_would_lose(location, found, source) for source in sources):
            return False
    elif not stat.S_ISLNK(found.st_mode):
        return False
    location.unlink()
    return True


def _would_lose(location: Path, found: os.stat_result, source: SourceFile) -> bool:
    try:
        there = Path(source.path).stat()
    except OSError:
        # The source is gone: its bytes may be those at `location`.
        return (found.st_ino, found.st_size) == (source.inode, source.size)
    if not os.path.samestat(there, found):
        return False
    return found.st_nlink < 2 or os.path.realpath(source.path) == os.path.realpath(location)


def _check_sources_there(sources: Sequence[SourceFile], fileset_id: int) -> None:
    for source in sources:
        if not Path(source.path).exists():
            raise StageError(
                f"{source.path} is gone, and Fileset:{fileset_id}, left by an import that did not "
                "succeed, may hold its only copy",
                f"Put the file back from OMERO's managed repository or a backup. {RUN_AGAIN}.",
            )


def _is_probe(location: Path, found: os.stat_result) -> bool:
    """Whether a file is what the server wrote where the link was to come; or nothing at all."""
    return not found.st_size or (
        found.st_size in PROBE_SIZES and set(location.read_bytes()) <= _OF_PROBES
    )


def _check_linked_elsewhere(location: Path, fileset_id: int) -> None:
    try:
        found = location.lstat()
    except OSError:
        return
    if stat.S_ISREG(found.st_mode) and found.st_nlink < 2 and not _is_probe(location, found):
        raise StageError(
            f"{location}, hard-linked by an import that did not succeed (Fileset:{fileset_id}), is "
            "the only name left of its bytes",
            "Link or copy it back to where the source was, then run again.",
        )
