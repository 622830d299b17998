"""Removes a fileset's sources once it is imported: the last step of ln_rm, cp_rm and upload_rm.

Only after OMERO made images of them, and after every stored file was read again and found to hold
its source's bytes: those of links and copies here, uploads through OMERO's API (an upload needs no
mount, so what lies at its path on this machine may be anything). The journal announces the removal
first: a killed one is gone through again from the verification on.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingest.atomic import fsync_folder
from ingest.context import Context
from ingest.copying import content_digests, forget_cached
from ingest.digests import Digester, digest_file
from ingest.fileset import Fileset, SourceFile, StageError
from ingest.import_transfers import is_custom, way
from ingest.omero import queries
from ingest.omero.client_paths import client_path
from ingest.omero.errors import RUN_AGAIN
from ingest.omero.fileset_graph import SYMLINKS, TRANSFER_NAMESPACE
from ingest.omero.importer import ImportOutcome
from ingest.omero.session import Session
from ingest.source_errors import unreadable
from ingest.source_files import check_as_recorded, in_threads
from ingest.source_removal import gone_on_purpose, remove_source

_KEPT = "No source was removed. Compare it with what OMERO holds, then run the same command again."


def remove_sources(
    session: Session,
    fileset: Fileset,
    files: Sequence[SourceFile],
    outcome: ImportOutcome,
    import_id: str,
    context: Context,
) -> None:
    """Removes the sources of a fileset that is in OMERO, by the import of this id.

    Nothing is removed once that import's record is in the journal: what lies there now was put
    there since. Raises StageError, and then nothing more is removed, when a stored file does not
    hold the bytes of its source or a source is not what was imported.
    """
    events = context.journal.events(fileset.id)
    if any(_is_record_of(import_id, event) for event in events):
        return
    if not outcome.image_ids:
        raise StageError(
            f"OMERO made no images of Fileset:{outcome.fileset_id}: its sources were not removed",
            f"Look at it in OMERO. {RUN_AGAIN} to have its sources removed when it has images.",
        )
    gone = gone_on_purpose(files, context.journal.removed(fileset.id))
    _verify(session, fileset, files, gone, outcome, context)
    remaining = [file for file in files if file.path not in gone]
    if not remaining:
        return
    check_not_linked(session, remaining)
    context.journal.append(
        fileset.id,
        "import",
        "intent",
        removes=[file.path for file in remaining],
        removal_after=import_id,
    )
    for file in remaining:
        _remove(file, way(fileset.import_transfer), outcome)
    for folder in {Path(file.path).parent for file in remaining}:
        fsync_folder(folder)


def check_not_linked(session: Session, files: Sequence[SourceFile]) -> None:
    """Raises StageError when a fileset in OMERO may consist of links to one of the files.

    A custom transfer may have made links, too.
    """
    paths = {client_path(file.path): file.path for file in files}
    found = queries.transfers_of_client_paths(session, list(paths), TRANSFER_NAMESPACE)
    for path, fileset_id, transfer in found:
        if transfer == SYMLINKS or is_custom(transfer):
            raise StageError(
                f"{paths[path]} is not to be removed: Fileset:{fileset_id} was imported by links "
                "to a file of this path",
                "Use an import_transfer without _rm, or delete that fileset in OMERO first.",
            )


def check_not_removed(fileset: Fileset, files: Sequence[SourceFile], context: Context) -> None:
    """Raises StageError for a fileset that cannot be imported again: its sources were removed."""
    gone = gone_on_purpose(files, context.journal.removed(fileset.id))
    if gone:
        raise StageError(
            f"{min(gone)} was removed when it had been imported, and OMERO does not have that "
            "fileset any more",
            "Bring the fileset back to OMERO or its files back to their folder, from a backup, "
            "and run the same command again; or remove the row from the manifest.",
        )


def _is_record_of(import_id: str, event: Mapping[str, Any]) -> bool:
    return (event["stage"], event["event"]) == ("import", "done") and (
        event["record"]["facts"].get("import_id") == import_id
    )


def _verify(
    session: Session,
    fileset: Fileset,
    files: Sequence[SourceFile],
    gone: set[str],
    outcome: ImportOutcome,
    context: Context,
) -> None:
    """Reads every stored file again; raises StageError unless they hold the files' bytes."""
    how = way(fileset.import_transfer)
    ids = (
        {entry.client_path: entry.file_id for entry in queries.entries(session, outcome.fileset_id)}
        if how == "upload"
        else {}
    )

    def verify(file: SourceFile) -> None:
        stored = outcome.repository_files[file.name]
        if file.path not in gone:
            check_as_recorded(file, "checksum")
            if how != "upload":
                _check_independent(file, Path(stored), how)
        expected = content_digests(file, file.path in gone)
        if how == "upload":
            size, digests = _read_from_omero(session, ids[client_path(file.path)], expected)
        else:
            size, digests = _read_here(Path(stored), expected)
        if (size, digests) != (file.size, expected):
            raise StageError(
                f"{stored}, read again after the import, does not hold the bytes of {file.path}",
                _KEPT,
            )

    in_threads(verify, files, context.config.importing.parallel_files)
    if how != "upload":
        # The new names must survive a power cut before the old ones may go.
        for folder in {Path(path).parent for path in outcome.repository_files.values()}:
            fsync_folder(folder)


def _check_independent(file: SourceFile, stored: Path, how: str) -> None:
    """Raises StageError unless the bytes stay when the name `file.path` goes."""
    try:
        source, found = Path(file.path).lstat(), stored.lstat()
    except OSError as error:
        raise unreadable(str(error.filename), error) from None
    if not stat.S_ISREG(source.st_mode):
        raise StageError(f"{file.path} is not the file itself any more, but a link", _KEPT)
    same = os.path.samestat(source, found)
    if how == "ln" and not (same and found.st_nlink >= 2):
        raise StageError(f"{stored} is not a second name of {file.path}", _KEPT)
    if how == "cp" and (same or not stat.S_ISREG(found.st_mode)):
        raise StageError(f"{stored} is not a copy of {file.path}, but leads to it", _KEPT)


def _read_here(stored: Path, algorithms: Mapping[str, str]) -> tuple[int, Mapping[str, str]]:
    try:
        forget_cached(stored)
        found = digest_file(stored, algorithms)
    except OSError as error:
        raise StageError(
            f"{stored} cannot be read again after the import: {error.strerror or error}", _KEPT
        ) from None
    return found.size, found.digests


def _read_from_omero(
    session: Session, file_id: int, algorithms: Mapping[str, str]
) -> tuple[int, Mapping[str, str]]:
    digester = Digester(algorithms)
    store = session.factory.createRawFileStore()
    try:
        store.setFileId(file_id, session.context())
        size, length = store.size(), session.client.getDefaultBlockSize()
        while digester.size < size and (block := store.read(digester.size, length)):
            digester.update(memoryview(block))
    finally:
        store.close()
    return digester.size, digester.digests()


def _remove(file: SourceFile, how: str, outcome: ImportOutcome) -> None:
    # Once more: reading all stored files may have taken hours.
    check_as_recorded(file, "checksum")
    if how != "upload":
        _check_independent(file, Path(outcome.repository_files[file.name]), how)
    remove_source(Path(file.path), "imported")
