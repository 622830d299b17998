"""Rows and paths of the repository: which OriginalFile is which file on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import Ice
import omero
import omero.model
from omero.rtypes import rstring, unwrap

from omero_embedded.repository.digests import Digests
from omero_embedded.repository.noting import Notes
from omero_embedded.repository.rawfile import Saving
from omero_embedded.sessions.acting import as_server
from omero_embedded.store import Actor, Store, Work
from omero_embedded.store.accounts import SERVER
from omero_embedded.store.actor import ROOT_ID, USER_GROUP_ID
from omero_embedded.wire import errors

DIRECTORY = "Directory"
LOG_FILE = "application/omero-log-file"


@dataclass(frozen=True, slots=True)
class DigestedFile:
    """A file and the digest that its row has, by an algorithm; None where it has none."""

    id: int
    path: Path
    digest: str | None
    algorithm: str | None


@dataclass(frozen=True)
class Repository:
    """The managed repository. `root` is its folder, `uuid` what rows name it by; beside it lies the
    folder of the pixels that clients wrote."""

    root: Path
    uuid: str
    row_id: int
    store: Store
    digests: Digests
    notes: Notes

    @property
    def written_pixels(self) -> Path:
        return self.root.with_name("Pixels")

    def path_of(self, row: Any) -> Path:
        """Where an OriginalFile of the repository lies."""
        folder = unwrap(row.path).strip("/")
        return self.root / folder / unwrap(row.name)

    def checked(self, path: str) -> PurePosixPath:
        """A client's path within the repository. Raises omero.ValidationException outside it."""
        relative = PurePosixPath(path.strip("/") or ".")
        if ".." in relative.parts or "\0" in path:
            raise errors.validation(f"{path!r} is not within the repository")
        return relative

    def find(self, actor: Actor, path: str) -> Any | None:
        """The OriginalFile at a path, None when there is none that the actor may see."""
        relative = self.checked(path)
        with self.store.read(actor) as work:
            return find_row(work, self.uuid, relative)

    def children(self, actor: Actor, path: str) -> list[Any]:
        """The OriginalFiles in a folder, by name."""
        folder = row_folder(self.checked(path) / "x")
        with self.store.read(actor) as work:
            rows = work.find_by("OriginalFile", repo=self.uuid, path=folder)
        return sorted(rows, key=lambda row: unwrap(row.name))

    def row(self, actor: Actor, file_id: int) -> Any:
        """An OriginalFile of this repository by id."""
        with self.store.read(actor) as work:
            found = work.get("OriginalFile", file_id)
        if unwrap(found.repo) != self.uuid:
            raise errors.validation(f"OriginalFile {file_id} is not in this repository")
        return found

    def make_folders(self, actor: Actor, shared: str, folders: Iterable[str]) -> None:
        """Folders and their rows: root's within `shared`, else the actor's, all in group user."""
        known = {PurePosixPath()}
        with self.store.write(SERVER) as work:
            for folder in folders:
                path = self.checked(folder)
                (self.root / path).mkdir(parents=True, exist_ok=True)
                new: list[PurePosixPath] = []
                # Upwards: what has a row has rows for all folders around it.
                while path not in known and find_row(work, self.uuid, path) is None:
                    new.append(path)
                    path = path.parent
                known |= {path, *new}
                for part in reversed(new):
                    is_shared = shared == str(part) or shared.startswith(f"{part}/")
                    owner = ROOT_ID if is_shared else actor.user_id
                    work.save(self._folder_row(part, owner))

    def _folder_row(self, path: PurePosixPath, owner: int) -> Any:
        row = self.file_row(str(path), DIRECTORY)
        row.details.owner = omero.model.ExperimenterI(owner, False)
        row.details.group = omero.model.ExperimenterGroupI(USER_GROUP_ID, False)
        return row

    def file_row(self, path: str, mimetype: str | None) -> Any:
        """A new OriginalFile, not saved, of a path below the repository's root."""
        folder, _, name = path.rpartition("/")
        row = omero.model.OriginalFileI()
        row.name, row.path = rstring(name), rstring(f"{folder}/")
        row.repo = rstring(self.uuid)
        row.mimetype = rstring(mimetype or "application/octet-stream")
        return row

    def save_digest(self, actor: Actor, file_id: int, saving: Saving) -> Future[Any] | None:
        """Note size and digest of a file as it lies on disk, as `note` does; None when nothing has
        to be noted. See `to_note`."""
        with self.store.read(as_server(actor)) as work:
            row = work.get("OriginalFile", file_id)
            hasher = (
                unwrap(work.get("ChecksumAlgorithm", row.hasher.id.val).value)
                if row.hasher
                else None
            )
        path = self.path_of(row)
        stat = to_note(path, unwrap(row.size), saving)
        return stat and self.note(actor, file_id, path, stat, hasher, saving)

    def new_digest(self, file: DigestedFile, algorithm: str) -> str:
        """The digest of a file by another algorithm; the one it has must still hold."""
        try:
            digest = self.digests.now(file.path, algorithm)
            before = file.digest
            if before and file.algorithm:
                before = self.digests.now(file.path, file.algorithm)
        except OSError as error:
            # No exception that the interface declares: OMERO.server's Java lets it through.
            raise Ice.UnknownException(f"{file.path} cannot be read: {error.strerror}") from error
        if before != file.digest:
            raise errors.internal(f"hash mismatch on file ID {file.id}")
        return digest

    def note(
        self,
        actor: Actor,
        file_id: int,
        path: Path,
        stat: os.stat_result,
        algorithm: str | None,
        saving: Saving,
    ) -> Future[Any]:
        """Note size and digest of a file as it lies on disk. Done when they are in the database,
        with the row as it is then when that is asked for."""
        try:
            digest = self.digests.of(path, stat, algorithm) if algorithm else None
        except OSError as error:
            raise errors.resource(f"{path} cannot be read: {error.strerror}") from error
        return self.notes.note(
            as_server(actor),
            file_id,
            stat.st_size,
            digest,
            stat.st_mtime_ns // 1_000_000,
            saving.is_asked_for,
        )


def to_note(path: Path, known_size: int | None, saving: Saving) -> os.stat_result | None:
    """What is on disk when OMERO.server, asked to save, would compute a digest: of what was written
    through its handle, of an empty file, and of one whose size is not the one in the database.
    A size that it does not know is not another one."""
    try:
        stat = path.stat()
    except OSError as error:
        raise errors.resource(f"{path} cannot be read: {error.strerror}") from error
    size = stat.st_size
    is_other = saving.is_written or size == 0 or (known_size is not None and known_size != size)
    return stat if is_other else None


def find_row(work: Work, uuid: str, path: PurePosixPath) -> Any | None:
    rows = work.find_by("OriginalFile", repo=uuid, path=row_folder(path), name=path.name)
    return rows[0] if rows else None


def row_folder(path: PurePosixPath) -> str:
    """How OMERO writes the folder of a path: with a slash at its end, "/" for the root."""
    parent = str(path.parent)
    return "/" if parent == "." else f"{parent}/"


def open_repository(root: Path, store: Store, uuid: str) -> Repository:
    """The repository in `root`, its row made or moved to where the folder now is."""
    with store.write(SERVER) as work:
        rows = work.find_by("OriginalFile", hash=uuid, mimetype="Repository")
        row = rows[0] if rows else omero.model.OriginalFileI()
        row.hash, row.mimetype = rstring(uuid), rstring("Repository")
        row.path, row.name = rstring(f"{root.parent}/"), rstring(root.name)
        if not rows:
            row.details.group = omero.model.ExperimenterGroupI(USER_GROUP_ID, False)
        row = work.save(row)
    return Repository(root, uuid, row.id.val, store, Digests(), Notes(store))
