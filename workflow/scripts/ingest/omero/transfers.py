"""How one file gets into the managed repository: ln_s, ln, cp, or an upload.

For links and copies the server first writes a probe through its own file handle, and the importer
must find it: that proves that both mean the same place before anything is linked there.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import omero

from ingest.copying import copy_verified
from ingest.fileset import SourceFile, StageError
from ingest.omero import queries
from ingest.omero.repository import ManagedRepository
from ingest.omero.session import Session
from ingest.source_files import check_as_recorded

_REMEDY_MOUNT = (
    "Import on a machine that mounts OMERO's managed repository; set omero.managed_repository if "
    "it is mounted at another path than the server's; or use import_transfer upload."
)


def transfer_file(
    session: Session,
    repository: ManagedRepository,
    process: Any,
    index: int,
    file: SourceFile,
    transfer: str,
) -> None:
    """Brings entry `index` of an import to the repository and has the server save its digest."""
    check_as_recorded(file, "checksum")
    if transfer == "upload":
        _upload(session, process, index, file)
    else:
        location = _probe(session, repository, process, index, file)
        place(_PLACES[transfer], file, location)
        _save(session, process, index, file, location)
    check_as_recorded(file, "checksum")


def place(put: Callable[[SourceFile, Path], None], file: SourceFile, location: Path) -> None:
    """Makes the link or copy; whatever the file system has against it becomes a StageError."""
    try:
        put(file, location)
    except OSError as error:
        raise StageError(
            f"{file.path} could not be put at {location}: {error.strerror or error}",
            _place_remedy(error),
        ) from error


def _place_remedy(error: OSError) -> str:
    if error.errno == errno.EXDEV:
        return "A hard link needs one file system: use import_transfer ln_s or cp."
    if error.errno in (errno.EPERM, errno.EMLINK):
        return "This file system or account may not hard-link the file: use ln_s or cp."
    if error.errno in (errno.EACCES, errno.EROFS):
        return (
            "The account that runs the import must be able to write to the managed repository's "
            "folders (the server's umask 0002 and a common group with the setgid bit do that)."
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space in the managed repository, or use ln_s or ln."
    return "See to what the operating system says, then run again."


def _symlink(file: SourceFile, location: Path) -> None:
    location.symlink_to(file.path)


def _hardlink(file: SourceFile, location: Path) -> None:
    # Resolved: a link to a symbolic link would be a second name of that link, not of the bytes.
    location.hardlink_to(os.path.realpath(file.path))


_PLACES: dict[str, Callable[[SourceFile, Path], None]] = {
    "ln_s": _symlink,
    "ln": _hardlink,
    "cp": copy_verified,
}


def _probe(
    session: Session, repository: ManagedRepository, process: Any, index: int, file: SourceFile
) -> Path:
    """The place for entry `index`, after the server has proved that it means the same place."""
    uploader = process.getUploader(index, session.context())
    try:
        path, name = queries.original_file_place(session, uploader.getFileId().getValue())
        location = repository.locate(path, name)
        if os.path.lexists(location):
            raise StageError(
                f"{location} exists already, before anything was imported there",
                "Find out what put it there; it was left alone. Then run again.",
            )
        probe = _probe_text(file.size)
        uploader.write(probe, 0, len(probe))
    finally:
        uploader.close()
    _take_probe(location, probe)
    return location


PROBE_SIZES = (32, 36)  # bytes of a random text, without or with hyphens


def _probe_text(size: int) -> bytes:
    """Random text of another length than the file: the server saves no digest for a file whose
    size it thinks it knows."""
    text = str(uuid.uuid4())
    return (text if len(text) != size else text.replace("-", "")).encode()


def _take_probe(location: Path, probe: bytes) -> None:
    try:
        found = location.read_bytes()
    except FileNotFoundError:
        raise StageError(
            f"what OMERO wrote to its managed repository is not at {location}", _REMEDY_MOUNT
        ) from None
    except OSError as error:
        raise StageError(
            f"what OMERO wrote to {location} cannot be read: {error.strerror}", _place_remedy(error)
        ) from None
    if found != probe:
        raise StageError(f"{location} does not hold what OMERO wrote there", _REMEDY_MOUNT)
    try:
        location.unlink()
    except OSError as error:
        raise StageError(
            f"{location} cannot be replaced: {error.strerror}", _place_remedy(error)
        ) from None


def _save(session: Session, process: Any, index: int, file: SourceFile, location: Path) -> None:
    # Opened for reading: what a link points to is not the server's to write.
    unreadable = (
        "The server must mount the folder of the sources at the same path, and be allowed to read "
        "it; else use import_transfer cp or upload."
    )
    try:
        uploader = process.getUploader(index, session.context(**{"omero.fs.mode": "r"}))
    except omero.ServerError as error:
        raise StageError(f"OMERO cannot open {location}: {error.message}", unreadable) from error
    try:
        size = uploader.size()
        if size != file.size:
            raise StageError(
                f"OMERO sees {size} bytes at {location}, but {file.path} has {file.size}",
                unreadable,
            )
        uploader.save()
    finally:
        uploader.close()


def _upload(session: Session, process: Any, index: int, file: SourceFile) -> None:
    uploader = process.getUploader(index, session.context())
    try:
        uploader.write(b"", 0, 0)
        block_size = session.client.getDefaultBlockSize()
        with Path(file.path).open("rb") as source:
            offset = 0
            while block := source.read(block_size):
                uploader.write(block, offset, len(block))
                offset += len(block)
        uploader.save()
    finally:
        uploader.close()
