"""How files get into the managed repository: by links, copies, or uploads.

For links and copies the server first writes a probe through its own file handle, and the importer
must find it: that proves that both mean the same place before anything is linked there. Every file
has its own probe, because OMERO.server computes no digest for a file that it did not write to
itself: of what it has open for reading it does so only where the size differs from the one in the
database, and that is null until something was written (docs/import-protocol.md).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import omero

from ingest.copying import write_remedy
from ingest.fileset import SourceFile, StageError
from ingest.import_transfers import way
from ingest.omero.in_flight import Call, Work, in_flight
from ingest.omero.placing import REMEDY_MOUNT, place
from ingest.omero.session import Session
from ingest.source_files import check_as_recorded

Report = Callable[[str], None]

# Of files whose bytes are moved, more would only take each other's disk and memory.
_MOST_OF_BYTES = 4
# Threads for what is done to files on this machine: on a network file system each act waits.
_THREADS = 4

UNREADABLE = (
    "The server must mount the folder of the sources at the same path, and be allowed to read "
    "it; else use import_transfer cp or upload."
)


@dataclass(frozen=True, slots=True)
class Place:
    """Entry `index` of an import: its file, and where that is to lie in the repository."""

    index: int
    file: SourceFile
    location: Path


def transfer_files(
    session: Session,
    process: Any,
    places: Sequence[Place],
    transfer: str,
    at_once: int,
    report: Report = lambda _step: None,
) -> None:
    """Brings the files of an import to the repository and has the server save their digests.

    `at_once` says how many are under way. `report` is told each step of the first one. After an
    error the files that are under way are finished, and no others begun.
    """
    most = at_once if way(transfer) in ("ln_s", "ln") else min(at_once, _MOST_OF_BYTES)
    with ThreadPoolExecutor(min(most, _THREADS), "files") as threads:
        transfers = _Transfers(session, process, transfer, threads, report)
        in_flight((transfers.of(place) for place in places), most)


class _Transfers:
    """The transfers of one import. What is done on this machine is done in `threads`."""

    def __init__(
        self,
        session: Session,
        process: Any,
        transfer: str,
        threads: ThreadPoolExecutor,
        report: Report,
    ) -> None:
        self._process = process
        self._transfer = transfer
        self._threads = threads
        self._report = report
        self._block_size = session.client.getDefaultBlockSize()
        self._context = session.context()
        self._for_reading = {**self._context, "omero.fs.mode": "r"}

    def of(self, place: Place) -> Work:
        check_as_recorded(place.file, "checksum")
        if way(self._transfer) == "upload":
            yield from self._upload(place)
        else:
            yield from self._link(place)
        check_as_recorded(place.file, "checksum")

    def _upload(self, place: Place) -> Work:
        uploader = yield Call(self._context, self._process, "getUploader", place.index)
        try:
            yield self._threads.submit(_send, uploader, place.file, self._block_size)
            self._done(place, "sent")
            _check_size((yield Call(self._context, uploader, "save")), place)
            self._done(place, "saved")
        finally:
            yield Call(self._context, uploader, "close")

    def _link(self, place: Place) -> Work:
        if os.path.lexists(place.location):
            raise StageError(
                f"{place.location} exists already, before anything was imported there",
                "Find out what put it there; it was left alone. Then run again.",
            )
        probe = _probe_text(place.file.size)
        uploader = yield Call(self._context, self._process, "getUploader", place.index)
        try:
            yield Call(self._context, uploader, "write", probe, 0, len(probe))
        finally:
            yield Call(self._context, uploader, "close")
        self._done(place, "probe written")
        yield self._threads.submit(_replace_probe, self._transfer, place, probe)
        self._done(place, "placed")
        yield from self._have_read(place)
        self._done(place, "saved")

    def _have_read(self, place: Place) -> Work:
        """Has the server note size and digest of what is in the probe's place: closing does it."""
        # Opened for reading: what a link points to is not the server's to write.
        try:
            uploader = yield Call(self._for_reading, self._process, "getUploader", place.index)
            yield Call(self._context, uploader, "close")
        except (omero.SessionException, omero.ConcurrencyException):
            raise
        except omero.ServerError as error:
            raise StageError(
                f"OMERO cannot read {place.location}: {error.message}", UNREADABLE
            ) from error

    def _done(self, place: Place, step: str) -> None:
        if place.index == 0:
            self._report(f"first file {step}")


PROBE_SIZES = (32, 36)  # bytes of a random text, without or with hyphens


def _probe_text(size: int) -> bytes:
    """Random text of another length than the file: the server saves no digest for a file whose
    size it thinks it knows."""
    text = str(uuid.uuid4())
    return (text if len(text) != size else text.replace("-", "")).encode()


def _replace_probe(transfer: str, place_: Place, probe: bytes) -> None:
    _take_probe(place_.location, probe)
    place(transfer, place_.file, place_.location)


def _take_probe(location: Path, probe: bytes) -> None:
    try:
        found = location.read_bytes()
    except FileNotFoundError:
        raise StageError(
            f"what OMERO wrote to its managed repository is not at {location}", REMEDY_MOUNT
        ) from None
    except OSError as error:
        raise StageError(
            f"what OMERO wrote to {location} cannot be read: {error.strerror}", write_remedy(error)
        ) from None
    if found != probe:
        raise StageError(f"{location} does not hold what OMERO wrote there", REMEDY_MOUNT)
    try:
        location.unlink()
    except OSError as error:
        raise StageError(
            f"{location} cannot be replaced: {error.strerror}", write_remedy(error)
        ) from None


def _check_size(saved: Any, place: Place) -> None:
    """Names the size when it is the wrong one. That a digest is wrong, or not there at all, is
    for the server to find when it verifies the upload."""
    if saved is None or saved.getSize() is None:
        return
    size = saved.getSize().getValue()
    if size != place.file.size:
        check_as_recorded(place.file, "checksum")  # perhaps it was the source that changed
        raise StageError(
            f"OMERO sees {size} bytes at {place.location}, but {place.file.path} has "
            f"{place.file.size}",
            "The server did not keep all that it was sent: see to its disk, then run the same "
            "command again.",
        )


def _send(uploader: Any, file: SourceFile, block_size: int) -> None:
    uploader.write(b"", 0, 0)
    with Path(file.path).open("rb") as source:
        offset = 0
        while block := source.read(block_size):
            uploader.write(block, offset, len(block))
            offset += len(block)
