"""omero::grid::ImportProcess: the files of one fileset arrive and are verified."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import omero
import omero.all
from omero.rtypes import unwrap

from omero_embedded.commands.handle import Handle, Task
from omero_embedded.repository.beginning import Begun, finish_upload
from omero_embedded.repository.files import Repository, to_note
from omero_embedded.repository.rawfile import RawFile, Saving
from omero_embedded.sessions.acting import as_server, event_context
from omero_embedded.sessions.servant_map import ServantMap, Stateful
from omero_embedded.sessions.session import Client
from omero_embedded.store import Actor
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

_MODE = "omero.fs.mode"
_DIGESTS = "select f.id, f.hash from FilesetEntry e join e.originalFile f where e.fileset.id = :id"


@dataclass(frozen=True)
class Importing:
    """What every import process needs. `task` makes the work that follows the verification,
    `start` sets it going for a client and gives the handle's proxy."""

    repository: Repository
    servants: ServantMap
    task: Callable[[Actor, Begun, Any, Any], Task]
    start: Callable[[Client, Handle], Any]


class ImportProcess(Stateful):
    def __init__(
        self, importing: Importing, client: Client, actor: Actor, begun: Begun, settings: Any
    ) -> None:
        self._importing = importing
        self._client = client
        self._actor = actor
        self._begun = begun
        self._settings = settings
        self._uploaders: dict[int, Any] = {}
        # What the database has; nothing for a file of which nothing was noted yet.
        self._sizes: dict[int, int] = {}
        self._handle_proxy: Any = None
        self._lock = threading.Lock()
        self.proxy: Any = None

    def getImportSettings(self, call: Call) -> Any:
        return self._settings

    def getUploader(self, call: Call, index: int) -> Any:
        """The store for entry `index`: the same one until it is closed."""
        if not 0 <= index < len(self._begun.file_ids):
            raise errors.api_usage(f"the fileset has no entry {index}")
        with self._lock:
            if index not in self._uploaders:
                mode = call.context.get(_MODE, "rw")
                self._uploaders[index] = self._open(call, index, mode)
            return self._uploaders[index]

    def _open(self, call: Call, index: int, mode: str) -> Any:
        store = RawFile(
            self._begun.file_ids[index],
            self._begun.paths[index],
            mode != "r",
            lambda saving: self._note(index, saving),
            lambda: self._forget(index),
        )
        skeleton = omero.api.RawFileStore
        return self._importing.servants.open_new(call.caller, "RawFileStore", skeleton, store)

    def _note(self, index: int, saving: Saving) -> Future[Any] | None:
        begun, path = self._begun, self._begun.paths[index]
        stat = to_note(path, self._sizes.get(index), saving)
        if stat is None:
            return None
        noted = self._importing.repository.note(
            self._actor, begun.file_ids[index], path, stat, begun.algorithm, saving
        )

        def known(done: Future[Any]) -> None:
            if done.exception() is None:
                self._sizes[index] = stat.st_size

        noted.add_done_callback(known)
        return noted

    def _forget(self, index: int) -> None:
        with self._lock:
            self._uploaders.pop(index, None)

    def getUploadOffset(self, call: Call, index: int) -> int:
        if not 0 <= index < len(self._begun.paths):
            raise errors.api_usage(f"the fileset has no entry {index}")
        path = self._begun.paths[index]
        return path.stat().st_size if path.exists() else 0

    def verifyUpload(self, call: Call, checksums: list[str]) -> Any:
        """Compare with the digests in the database, then begin to read the files.

        Raises omero.ChecksumValidationException with the server's digests of the entries that
        differ; may be called again after that.
        """
        if checksums is None or len(checksums) != len(self._begun.paths):
            raise errors.api_usage(
                f"{len(self._begun.paths)} checksums are needed, one for each entry"
            )
        with self._lock:
            if self._handle_proxy is not None:
                return self._handle_proxy
            failing = {
                index: found
                for index, (given, found) in enumerate(zip(checksums, self._digests(), strict=True))
                if found != given
            }
            if failing:
                raise errors.checksum_mismatch(failing)
            self._finish_upload()
            request = self._request()
            task = self._importing.task(self._actor, self._begun, self._settings, request)
            self._handle_proxy = self._importing.start(self._client, Handle(task))
            return self._handle_proxy

    def _digests(self) -> list[str]:
        """The digests in the database, in the entries' order; "" where there is none."""
        with self._importing.repository.store.read(as_server(self._actor)) as work:
            rows = work.projection(_DIGESTS, {"id": self._begun.fileset_id})
        found = {file_id.val: unwrap(digest) or "" for file_id, digest in rows}
        return [found.get(file_id, "") for file_id in self._begun.file_ids]

    def _finish_upload(self) -> None:
        with self._importing.repository.store.write(as_server(self._actor)) as work:
            finish_upload(work, self._begun)

    def _request(self) -> Any:
        begun = self._begun
        request = omero.grid.ImportRequest()
        request.clientUuid = self._client.uuid
        request.repoUuid = self._importing.repository.uuid
        request.process = self.proxy
        link = omero.model.FilesetJobLinkI(begun.metadata_link_id, True)
        link.parent = omero.model.FilesetI(begun.fileset_id, False)
        link.child = omero.model.MetadataImportJobI(begun.job_ids["MetadataImportJob"], False)
        request.activity = link
        request.settings = self._settings
        request.location = omero.grid.ImportLocation(
            sharedPath=begun.shared_path,
            omittedLevels=0,
            usedFiles=list(begun.used_files),
            directory=None,
        )
        request.logFile = omero.model.OriginalFileI(begun.log_id, False)
        return request

    def getHandle(self, call: Call) -> Any:
        return self._handle_proxy

    def getCurrentEventContext(self, call: Call) -> Any:
        return event_context(self._importing.repository.store, call.caller.session, self._actor)
