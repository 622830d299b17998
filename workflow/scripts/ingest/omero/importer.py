"""Imports one fileset over OMERO's API (docs/import-protocol.md)."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import omero
import omero.all
import omero.cmd

from ingest.fileset import StageError, Unfinished
from ingest.omero import queries
from ingest.omero.annotations import linkable
from ingest.omero.cleanup import remove_fileset
from ingest.omero.errors import LOST_CONNECTION, RUN_AGAIN, server_failure
from ingest.omero.fileset_graph import (
    ImportRequest,
    build_fileset,
    build_settings,
    client_paths,
)
from ingest.omero.placing import check_placeable
from ingest.omero.repository import ManagedRepository, open_repository
from ingest.omero.session import Session, wait
from ingest.omero.transfers import Place, Report, transfer_files

log = logging.getLogger("ingest")


class StillRunning(Unfinished):
    """The server has all files and is working on them for longer than we wait."""

    def __init__(self, what: str, otherwise: str = "") -> None:
        super().__init__(
            f"{what} is still being imported by OMERO",
            f"{RUN_AGAIN} later: the import goes on, and its outcome is taken over. import.wait "
            f"says how long to wait for it. {otherwise}".rstrip(),
        )


@dataclass(frozen=True)
class ImportOutcome:
    """A fileset as it is in OMERO.

    `server_digests` (by `algorithm`) and `repository_files` (absolute paths, as this machine sees
    the managed repository) are by the file's name.
    """

    fileset_id: int
    image_ids: list[int]
    plate_ids: list[int]
    pixels_ids: list[int]
    algorithm: str
    server_digests: dict[str, str]
    repository_files: dict[str, str]


def import_fileset(
    session: Session,
    request: ImportRequest,
    mount: Path | None = None,
    report: Report = lambda _step: None,
) -> ImportOutcome:
    """Imports one fileset; raises StageError, having removed what was begun.

    Nothing is removed after a lost connection, or while the server is still working: a rerun finds
    the fileset by its import id. `report` is called after each step.
    """
    repository = open_repository(session, mount)
    repository.check_algorithm(request.algorithm)
    check_placeable(request.transfer, request.files, repository.mount)
    settings = build_settings(request, linkable(session, request.annotations))
    try:
        fileset_id, handle = _upload(session, repository, request, settings, report)
        _finish(session, handle, request)
    except (*LOST_CONNECTION, StillRunning):
        raise
    except Exception:
        _remove(session, repository, request)
        raise
    report("imported")
    outcome = read_outcome(session, repository, fileset_id, request)
    if not outcome.image_ids:
        raise StageError(
            f"OMERO says that it imported {_described(request)}, and has no image of it",
            f"Delete Fileset:{fileset_id} in OMERO and run again; if it happens again, report it.",
        )
    ours = {file.name: digest for file, digest in zip(request.files, request.digests, strict=True)}
    if outcome.server_digests != ours:
        raise StageError(
            f"Fileset:{fileset_id} has other digests in OMERO than its files",
            "Delete it in OMERO and run again; if it happens again, report it.",
        )
    return outcome


def read_outcome(
    session: Session, repository: ManagedRepository, fileset_id: int, request: ImportRequest
) -> ImportOutcome:
    """What OMERO knows of a fileset, whichever process imported it."""
    entries = queries.entries(session, fileset_id)
    images, pixels = queries.images_and_pixels(session, fileset_id)
    files = client_paths(request.files)
    names = {
        entry.client_path: files[entry.client_path].name
        if entry.client_path in files
        else entry.client_path
        for entry in entries
    }
    return ImportOutcome(
        fileset_id=fileset_id,
        image_ids=images,
        plate_ids=queries.plate_ids(session, fileset_id),
        pixels_ids=sorted(pixels),
        algorithm=entries[0].algorithm if entries else "",
        server_digests={names[entry.client_path]: entry.digest for entry in entries},
        repository_files={
            names[entry.client_path]: str(repository.locate(entry.path, entry.name))
            for entry in entries
        },
    )


def _upload(
    session: Session,
    repository: ManagedRepository,
    request: ImportRequest,
    settings: Any,
    report: Report,
) -> tuple[int, Any]:
    """Everything until the server starts its import: the fileset's id, and that import's handle."""
    process = repository.proxy.importFileset(build_fileset(request), settings, session.context())
    try:
        report("fileset made")
        fileset_id, places = _places(session, repository, request)
        report("places known")
        transfer_files(session, repository, process, places, request, report)
        report("files transferred")
        handle = _verify(session, process, request)
        report("upload verified")
        return fileset_id, handle
    finally:
        _close(process)


def _places(
    session: Session, repository: ManagedRepository, request: ImportRequest
) -> tuple[int, list[Place]]:
    """The id of a fileset that was just begun, and the places of its entries."""
    fileset_id, found = queries.begun_fileset(session, request.import_id)
    files = client_paths(request.files)
    lost = [file.path for path, file in files.items() if path not in found]
    if lost:
        raise StageError(
            f"OMERO does not know {lost[0]}, which is in the fileset that it has just begun",
            f"{RUN_AGAIN}; if it happens again, ask the server's administrator.",
        )
    return fileset_id, [
        Place(index, file, found[path][0], repository.locate(*found[path][1:]))
        for index, (path, file) in enumerate(files.items())
    ]


def _finish(session: Session, handle: Any, request: ImportRequest) -> None:
    response = wait(handle, deadline_after(request.timeout))
    if response is None:
        # Closing the handle would cancel the import.
        session.outlive_us()
        raise StillRunning(_described(request))
    _close(handle)
    if isinstance(response, omero.cmd.ERR):
        log.error("OMERO's report on %s: %s", request.files[0].path, _details(response))
        raise server_failure(response, _described(request))


def deadline_after(timeout: float | None) -> float | None:
    """When, by time.monotonic(), a timeout that starts now is over; None means never."""
    return None if timeout is None else time.monotonic() + timeout


def _verify(session: Session, process: Any, request: ImportRequest) -> Any:
    """Has the server compare its digests with ours; the handle of the import that follows."""
    try:
        return process.verifyUpload(request.digests, session.context())
    except omero.ChecksumValidationException as error:
        wrong = [
            f"{request.files[index].path} has {request.algorithm} {request.digests[index]}, "
            f"OMERO's file {digest or 'none'}"
            for index, digest in sorted((error.failingChecksums or {}).items())
            if 0 <= index < len(request.files)
        ]
        raise StageError(
            "the files in OMERO are not the ones that were hashed: " + "; ".join(wrong),
            "Something changes the files, a disk or network is faulty, or the server has other "
            "files at the same paths: check these, then run again.",
        ) from None


def _close(remote: Any) -> None:
    try:
        remote.close()
    except Exception as error:  # what matters has succeeded, or raised its own error
        kind = type(error).__name__
        log.warning("OMERO did not close a finished %s: %s", type(remote).__name__, kind)


def _remove(session: Session, repository: ManagedRepository, request: ImportRequest) -> None:
    """Removes the fileset of a failed import; what cannot be removed now a rerun will remove."""
    try:
        for fileset_id, _ in queries.filesets_with_import_ids(session, [request.import_id]):
            remove_fileset(
                session, repository, fileset_id, request.transfer, request.files,
                request.annotations,
            )  # fmt: skip
    except Exception:
        log.exception("what the import %s began could not be removed yet", request.import_id)


def _details(response: Any) -> str:
    return "\n".join(
        f"{key}: {value}" for key, value in sorted((response.parameters or {}).items())
    )


def _described(request: ImportRequest) -> str:
    first = request.files[0].path
    more = len(request.files) - 1
    return f"{first} and {more} more files" if more else first
