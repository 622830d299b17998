"""How files get into the managed repository: by links, copies, or uploads.

For links and copies the server first writes a probe through its own file handle, and the importer
must find it: that proves that both mean the same place before anything is linked there. One file
of a fileset has a probe, since the server made the fileset's folder a moment ago, for this fileset
alone. Of the others the importer notes the sizes, and has the server take the digests of many in
one call (docs/import-protocol.md).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import Ice
import omero
import omero.sys
from omero.rtypes import rlong, rtime

from ingest.chunks import in_chunks
from ingest.copying import write_remedy
from ingest.fileset import SourceFile, StageError
from ingest.import_transfers import way
from ingest.omero.errors import LOST_CONNECTION
from ingest.omero.fileset_graph import ImportRequest, checksum_algorithm
from ingest.omero.in_flight import Call, Work, in_flight
from ingest.omero.placing import REMEDY_MOUNT, place
from ingest.omero.repository import ManagedRepository
from ingest.omero.session import Session
from ingest.source_files import check_as_recorded

Report = Callable[[str], None]

# Of files whose bytes are moved, more would only take each other's disk and memory.
_MOST_OF_BYTES = 4
# Threads for what is done to files on this machine: on a network file system each act waits.
_THREADS = 4
# Files that the server is asked about at once, which have their rows in memory on both sides.
_MANY = 32
_ROWS = "select f from OriginalFile f where f.id in (:ids)"

UNREADABLE = (
    "The server must mount the folder of the sources at the same path, and be allowed to read "
    "it; else use import_transfer cp or upload."
)


@dataclass(frozen=True, slots=True)
class Place:
    """Entry `index` of an import: its file, and where that is to lie in the repository, whose
    OriginalFile has the id `file_id`."""

    index: int
    file: SourceFile
    file_id: int
    location: Path


def transfer_files(
    session: Session,
    repository: ManagedRepository,
    process: Any,
    places: Sequence[Place],
    request: ImportRequest,
    report: Report = lambda _step: None,
) -> None:
    """Brings the files of an import to the repository and has the server save their digests.

    `report` is told each step of the first one, and of each of the portions that the others are in.
    After an error the files that are under way are finished, and no others begun.
    """
    how = way(request.transfer)
    most = request.parallel_files
    if how not in ("ln_s", "ln"):
        most = min(most, _MOST_OF_BYTES)
    with ThreadPoolExecutor(min(most, _THREADS), "files") as threads:
        transfers = _Transfers(session, repository, process, request, threads, report)
        if how == "upload":
            in_flight((transfers.uploaded(place) for place in places), most)
            return
        first, others = places[0], places[1:]
        in_flight([transfers.proved(first)], 1)
        portion = max(1, min(_MANY, len(others) // most))
        in_flight((transfers.placed(some) for some in in_chunks(others, portion)), most)


class _Transfers:
    """The transfers of one import. What is done on this machine is done in `threads`."""

    def __init__(
        self,
        session: Session,
        repository: ManagedRepository,
        process: Any,
        request: ImportRequest,
        threads: ThreadPoolExecutor,
        report: Report,
    ) -> None:
        self._session = session
        self._repository = repository.proxy
        self._process = process
        self._transfer = request.transfer
        self._algorithm = checksum_algorithm(request.algorithm)
        self._threads = threads
        self._report = report
        self._block_size = session.client.getDefaultBlockSize()
        self._context = session.context()
        self._for_reading = {**self._context, "omero.fs.mode": "r"}

    def uploaded(self, place: Place) -> Work:
        check_as_recorded(place.file, "checksum")
        uploader = yield Call(self._context, self._process, "getUploader", place.index)
        try:
            yield self._threads.submit(_send, uploader, place.file, self._block_size)
            self._done(place, "sent")
            _check_size((yield Call(self._context, uploader, "save")), place)
            self._done(place, "saved")
        finally:
            yield Call(self._context, uploader, "close")
        check_as_recorded(place.file, "checksum")

    def proved(self, place: Place) -> Work:
        """A link or copy in the place of a probe."""
        _check_free(place)
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
        check_as_recorded(place.file, "checksum")

    def _have_read(self, place: Place) -> Work:
        """Has the server note size and digest of what is in the probe's place: closing does it."""
        # Opened for reading: what a link points to is not the server's to write.
        try:
            uploader = yield Call(self._for_reading, self._process, "getUploader", place.index)
            yield Call(self._context, uploader, "close")
        except (omero.SessionException, omero.ConcurrencyException):
            raise
        except omero.ServerError as error:
            raise _unreadable(place, error.message) from error

    def placed(self, places: Sequence[Place]) -> Work:
        """Links or copies in a folder that was proved to be the server's."""
        yield self._threads.submit(_place_all, self._transfer, places)
        self._report("more files placed")
        yield from self._note_sizes(places)
        self._report("their sizes noted")
        try:
            yield Call(
                self._context,
                self._repository,
                "setChecksumAlgorithm",
                self._algorithm,
                [place.file_id for place in places],
            )
        except (*LOST_CONNECTION, omero.ConcurrencyException):
            raise
        except omero.ServerError as error:
            raise _unreadable(places[0], error.message, len(places) - 1) from error
        except Ice.UnknownException as error:  # how OMERO.server says it of a file
            raise _unreadable(places[0], error.unknown, len(places) - 1) from error
        self._report("their digests taken")
        for each in places:
            check_as_recorded(each.file, "checksum")

    def _note_sizes(self, places: Sequence[Place]) -> Work:
        """What the server notes by itself only of what it has written to."""
        files = {place.file_id: place.file for place in places}
        query, update = self._session.query, self._session.update
        wanted = omero.sys.ParametersI().addIds(list(files))
        rows = yield Call(self._context, query, "findAllByQuery", _ROWS, wanted)
        for row in rows:
            file = files[row.getId().getValue()]
            row.setSize(rlong(file.size))
            row.setMtime(rtime(file.mtime_ns // 1_000_000))
        yield Call(self._context, update, "saveArray", rows)

    def _done(self, place: Place, step: str) -> None:
        if place.index == 0:
            self._report(f"first file {step}")


PROBE_SIZES = (32, 36)  # bytes of a random text, without or with hyphens


def _probe_text(size: int) -> bytes:
    """Random text of another length than the file: the server saves no digest for a file whose
    size it thinks it knows."""
    text = str(uuid.uuid4())
    return (text if len(text) != size else text.replace("-", "")).encode()


def _check_free(place: Place) -> None:
    """The source is what was hashed, and nothing lies in its place."""
    check_as_recorded(place.file, "checksum")
    if os.path.lexists(place.location):
        raise StageError(
            f"{place.location} exists already, before anything was imported there",
            "Find out what put it there; it was left alone. Then run again.",
        )


def _place_all(transfer: str, places: Sequence[Place]) -> None:
    for each in places:
        _check_free(each)
        place(transfer, each.file, each.location)


def _unreadable(place: Place, said: str, more: int = 0) -> StageError:
    files = f"{place.location} or one of {more} more files" if more else str(place.location)
    first_line = said.strip().partition("\n")[0]
    return StageError(f"OMERO cannot read {files}: {first_line}", UNREADABLE)


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
