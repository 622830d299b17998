"""Whether bytes stay when OMERO's are deleted, and bringing back those of which it has the last."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.atomic import fsync_folder
from ingest.copying import copy_verified, make_folder, partial_path, write_error
from ingest.digests import Digester, digest_file
from ingest.fileset import Problem, SourceFile, StageError
from ingest.import_transfers import way
from ingest.omero.client_paths import client_path
from ingest.omero.queries import Entry
from ingest.omero.repository import ManagedRepository
from ingest.omero.session import Session
from ingest.source_files import found_at, still_there


@dataclass(frozen=True, slots=True)
class LastCopy:
    """A file whose bytes are nowhere else than in OMERO, as far as anybody knows."""

    file: SourceFile
    entry: Entry
    location: Path


def last_copies(
    entries: Sequence[Entry],
    files: Sequence[SourceFile],
    places: Mapping[str, str],
    transfer: str,
    repository: ManagedRepository,
    reads: bool,
) -> list[LastCopy]:
    """The files of a fileset that its deletion would lose. `reads`: the others, where they are
    copies, are read and compared, and not only looked at.

    An entry's file is known by its client path, or by its place in the repository: `places`, by the
    files' names, are where the import found them. (What a converter made has been moved since.)

    Raises StageError when that cannot be told.
    """
    if way(transfer) != "upload" and not repository.mount.is_dir():
        raise StageError(
            f"OMERO's managed repository is not at {repository.mount} on this machine: what its "
            "files are cannot be seen",
            "Set omero.managed_repository to where it is mounted, or give the command where it is.",
        )
    by_client_path = {client_path(file.path): file for file in files}
    by_place = {places[file.name]: file for file in files if file.name in places}
    found = []
    for entry in entries:
        location = repository.locate(entry.path, entry.name)
        if way(transfer) != "upload" and not _holds_bytes(location):
            continue
        file = by_client_path.get(entry.client_path) or by_place.get(str(location))
        if file is None:
            raise StageError(
                f"{location} holds bytes of which nobody knows where else they are",
                "Copy it somewhere safe, and delete the fileset in OMERO.",
            )
        if not _is_kept(file, location, reads):
            found.append(LastCopy(file, entry, location))
    return found


def _holds_bytes(location: Path) -> bool:
    """Whether what lies there is a file: deleting a link to one takes no byte away."""
    try:
        return stat.S_ISREG(location.lstat().st_mode)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StageError(
            f"{location} cannot be looked at: {error.strerror}",
            "Give the account that runs the jobs permission to look there.",
        ) from None


def _is_kept(file: SourceFile, location: Path, reads: bool) -> bool:
    """Whether the bytes stay at `file.path` when the file at `location` is deleted."""
    path = Path(file.path)
    try:
        found = path.stat()
        if os.path.realpath(path) == os.path.realpath(location):
            return False
        if os.path.lexists(location) and os.path.samestat(found, location.lstat()):
            return found.st_nlink > 1
    except OSError:
        return False
    if still_there(file, ()) and not reads:
        return True
    return found.st_size == file.size and holds(path, file)


def holds(path: Path, file: SourceFile) -> bool:
    """Whether `path`, read now, has all digests that the file was recorded with."""
    try:
        return bool(file.digests) and digest_file(path, file.digests).digests == file.digests
    except (OSError, StageError):
        return False


def problem_of(copies: Sequence[LastCopy]) -> Problem:
    """Why a fileset with these last copies (one at least) stays."""
    first = copies[0]
    more = f" (and {len(copies) - 1} more)" if len(copies) > 1 else ""
    return Problem(
        f"OMERO has the only copy of {first.file.path}{more}: nothing with its bytes is there",
        "Copy it back to its place, or give rollback a folder, bring_back, to which such files are "
        "copied first.",
    )


def bring_back(session: Session, copy: LastCopy, folder: Path, transfer: str) -> Path:
    """Copies a file out of OMERO to `folder`, verified; where it is then.

    Raises StageError; nothing in `folder` is overwritten.
    """
    destination = folder / copy.file.name
    if os.path.lexists(destination):
        if holds(destination, copy.file):
            return destination
        raise StageError(
            f"{destination} exists already, and is not {copy.file.path}",
            "Move it away, or give rollback another folder to bring_back to.",
        )
    if way(transfer) == "upload":
        _download(session, copy, destination)
    else:
        try:
            # The time that the file had at its source.
            there = replace(found_at(copy.location, copy.file), source=copy.file.source)
        except OSError as error:
            raise write_error(destination, error) from None
        copy_verified(there, destination)
    return destination


def _download(session: Session, copy: LastCopy, destination: Path) -> None:
    partial = partial_path(destination)
    make_folder(destination.parent)
    digester = Digester(copy.file.digests)
    store = session.factory.createRawFileStore()
    try:
        store.setFileId(copy.entry.file_id, session.context())
        size, length = store.size(), session.client.getDefaultBlockSize()
        with partial.open("wb") as written:
            while digester.size < size and (block := store.read(digester.size, length)):
                digester.update(memoryview(block))
                written.write(block)
            written.flush()
            os.fsync(written.fileno())
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise write_error(destination, error) from None
    finally:
        store.close()
    read_back = _digests(partial, copy.file.digests)
    if not (digester.digests() == read_back == dict(copy.file.digests)):
        partial.unlink()
        raise StageError(
            f"what OMERO has of {copy.file.path} does not have the digests it was imported with",
            "It was not deleted. Look at it with `snakemake audit`.",
        )
    os.utime(partial, ns=(copy.file.mtime_ns, copy.file.mtime_ns))
    partial.rename(destination)
    fsync_folder(destination.parent)


def _digests(path: Path, algorithms: Mapping[str, str]) -> dict[str, str]:
    return dict(digest_file(path, algorithms).digests)
