"""omero::api::RawFileStore as the ServiceFactory makes it: the file is chosen by id.

Files of the managed repository are only read; others (attachments) lie in the store's own folder.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from omero.rtypes import rlong, rstring, unwrap

from omero_embedded.repository.checksums import checksum
from omero_embedded.repository.files import Repository, to_note
from omero_embedded.repository.rawfile import RawFile, Saving
from omero_embedded.sessions.acting import actor_of, as_server
from omero_embedded.sessions.servant_map import Stateful
from omero_embedded.store import ALL_GROUPS, Actor, Store
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

_DEFAULT_ALGORITHM = "SHA1-160"


def note_attachment(store: Store, actor: Actor, row: Any, path: Path) -> Any:
    """Records size and digest of a file that is not in the repository; its row as it is then."""
    with store.write(as_server(actor.in_group(row.details.group.id.val))) as work:
        now = work.get("OriginalFile", row.id.val)
        if now.hasher is None:
            now.hasher = work.enumeration("ChecksumAlgorithm", _DEFAULT_ALGORITHM)
        algorithm = work.get("ChecksumAlgorithm", now.hasher.id.val).value.val
        now.size = rlong(path.stat().st_size)
        now.hash = rstring(checksum(path, algorithm))
        return work.save(now)


class ChosenFile(Stateful):
    def __init__(self, repository: Repository, folder: Path) -> None:
        self._repository = repository
        self._folder = folder
        self._file: RawFile | None = None

    def setFileId(self, call: Call, file_id: int) -> None:
        actor = actor_of(call).in_group(ALL_GROUPS)
        with self._repository.store.read(actor) as work:
            row = work.get("OriginalFile", file_id)
        self.release()
        if unwrap(row.repo) == self._repository.uuid:
            path, writable = self._repository.path_of(row), False
            note: Callable[[Saving], Any] = lambda _saving: None  # noqa: E731
        else:
            path = self._folder / str(file_id)
            writable = bool(row.details.permissions.canEdit())
            note = lambda saving: self._note(actor, row, path, saving)  # noqa: E731
        self._file = RawFile(file_id, path, writable, note)

    def _note(self, actor: Actor, row: Any, path: Path, saving: Saving) -> Any:
        if to_note(path, unwrap(row.size), saving) is None:
            return None
        return note_attachment(self._repository.store, actor, row, path)

    @property
    def _chosen(self) -> RawFile:
        if self._file is None:
            raise errors.api_usage("which file? Call setFileId first")
        return self._file

    def getFileId(self, call: Call) -> Any:
        return None if self._file is None else self._file.getFileId(call)

    def exists(self, call: Call) -> bool:
        return self._chosen.exists(call)

    def size(self, call: Call) -> int:
        return self._chosen.size(call)

    def read(self, call: Call, position: int, length: int) -> bytes:
        return self._chosen.read(call, position, length)

    def write(self, call: Call, content: bytes, position: int, length: int) -> None:
        self._chosen.write(call, content, position, length)

    def truncate(self, call: Call, length: int) -> bool:
        return self._chosen.truncate(call, length)

    def save(self, call: Call) -> Any:
        return self._chosen.save(call)

    def close(self, call: Call) -> Any:
        try:
            return None if self._file is None else self._file.finish()
        finally:
            super().close(call)

    def release(self) -> None:
        if self._file is not None:
            self._file.release()
            self._file = None
