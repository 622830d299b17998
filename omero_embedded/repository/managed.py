"""omero::grid::ManagedRepository: browsing the repository, and beginning an import into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import omero
import omero.all
from omero.rtypes import rlong, rmap, unwrap

from omero_embedded.model.types import type_of
from omero_embedded.repository.beginning import begin_import
from omero_embedded.repository.checksums import ALGORITHMS
from omero_embedded.repository.files import DIRECTORY, DigestedFile, Repository
from omero_embedded.repository.process import Importing, ImportProcess
from omero_embedded.repository.rawfile import RawFile
from omero_embedded.sessions.acting import actor_of, as_server
from omero_embedded.sessions.servant_map import ServantMap
from omero_embedded.sessions.session import Client
from omero_embedded.store import ALL_GROUPS, Actor
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call


class ManagedRepository:
    def __init__(
        self,
        repository: Repository,
        servants: ServantMap,
        importing: Importing,
        submit: Callable[[Client, Call, Any], Any],
    ) -> None:
        self._repository = repository
        self._servants = servants
        self._importing = importing
        self._submit = submit

    def root(self, call: Call) -> Any:
        with self._repository.store.read(_everywhere(call)) as work:
            return work.get("OriginalFile", self._repository.row_id)

    def mimetype(self, call: Call, path: str) -> str:
        mimetype: str = unwrap(self._row(call, path).mimetype)
        return mimetype

    def list(self, call: Call, path: str) -> Any:
        return [_full_name(row) for row in self.listFiles(call, path)]

    def listFiles(self, call: Call, path: str) -> Any:
        return self._repository.children(_everywhere(call), path)

    def treeList(self, call: Call, path: str) -> Any:
        """{"/path": {id, mimetype, size, files}} for the folder and everything below it."""
        actor = _everywhere(call)
        row = self._repository.find(actor, path)
        return rmap({} if row is None else {_full_name(row): self._tree(actor, row)})

    def _tree(self, actor: Actor, row: Any) -> Any:
        described = {"id": rlong(row.id.val), "mimetype": row.mimetype}
        if unwrap(row.mimetype) == DIRECTORY:
            below = self._repository.children(actor, _full_name(row))
            described["files"] = rmap({_full_name(r): self._tree(actor, r) for r in below})
        else:
            described["size"] = rlong(unwrap(row.size) or 0)
        return rmap(described)

    def fileExists(self, call: Call, path: str) -> bool:
        return (self._repository.root / self._repository.checked(path)).exists()

    def file(self, call: Call, path: str, mode: str) -> Any:
        return self._open(call, self._row(call, path), mode)

    def fileById(self, call: Call, file_id: int) -> Any:
        return self._open(call, self._repository.row(_everywhere(call), file_id), "r")

    def _open(self, call: Call, row: Any, mode: str) -> Any:
        actor = _everywhere(call)
        writable = "w" in mode
        if writable and not row.details.permissions.canEdit():
            raise errors.security(f"OriginalFile {row.id.val} is not yours to write")
        store = RawFile(
            row.id.val,
            self._repository.path_of(row),
            writable,
            lambda saving: self._repository.save_digest(actor, row.id.val, saving),
        )
        skeleton = omero.api.RawFileStore
        return self._servants.open_new(call.caller, "RawFileStore", skeleton, store)

    def _row(self, call: Call, path: str) -> Any:
        row = self._repository.find(_everywhere(call), path)
        if row is None:
            raise errors.validation(f"there is no file {path!r} in the repository")
        return row

    def makeDir(self, call: Call, path: str, parents: bool) -> None:
        wanted = self._repository.checked(path)
        folder = self._repository.root / wanted
        if folder.exists() and not parents:
            raise errors.resource(f"{path!r} exists already")
        if not folder.parent.is_dir() and not parents:
            raise errors.resource(f"the folder of {path!r} does not exist: make it first")
        self._repository.make_folders(actor_of(call), "", [str(wanted)])

    def deletePaths(self, call: Call, paths: Sequence[str], recursively: bool, force: bool) -> Any:
        rows = [self._row(call, path) for path in paths]
        below = [r for row in rows for r in self._below(_everywhere(call), row)]
        if below and not recursively:
            raise errors.resource("a folder that is not empty is only deleted recursively")
        ids = [row.id.val for row in (*below, *rows)]
        request = omero.cmd.Delete2(targetObjects={"OriginalFile": ids})
        return self._submit(call.caller, call, request)

    def _below(self, actor: Actor, row: Any) -> Any:
        if unwrap(row.mimetype) != DIRECTORY:
            return []
        rows = self._repository.children(actor, _full_name(row))
        return [r for child in rows for r in (*self._below(actor, child), child)]

    def listChecksumAlgorithms(self, call: Call) -> Any:
        with self._repository.store.read(_everywhere(call)) as work:
            known = {unwrap(a.value): a for a in work.find_by("ChecksumAlgorithm")}
        return [known[name] for name in ALGORITHMS]

    def suggestChecksumAlgorithm(self, call: Call, supported: Any) -> Any:
        wanted = {unwrap(algorithm.value) for algorithm in supported}
        for algorithm in self.listChecksumAlgorithms(call):
            if unwrap(algorithm.value) in wanted:
                return algorithm
        return None

    def verifyChecksums(self, call: Call, file_ids: Any) -> Any:
        """Ids of the files whose bytes are not what their rows say."""
        actor, repository, different = _everywhere(call), self._repository, []
        algorithms = {a.id.val: unwrap(a.value) for a in self.listChecksumAlgorithms(call)}
        for file_id in file_ids:
            row = repository.row(actor, file_id)
            if row.hasher is None or row.hash is None:
                continue
            path = repository.path_of(row)
            name = algorithms[row.hasher.id.val]
            if not path.exists() or repository.digests.now(path, name) != unwrap(row.hash):
                different.append(file_id)
        return different

    def setChecksumAlgorithm(self, call: Call, hasher: Any, file_ids: Any) -> Any:
        """Gives the files a digest by this algorithm where they have none; the ids of those."""
        repository = self._repository
        algorithms = {unwrap(a.value): a.id.val for a in self.listChecksumAlgorithms(call)}
        wanted = unwrap(hasher.value)
        if wanted not in algorithms:
            raise errors.api_usage(f"there is no checksum algorithm {wanted!r}")
        changes: dict[int, dict[str, Any]] = {}
        try:
            for file in _to_change(repository, _everywhere(call), file_ids):
                if file.digest is None or file.algorithm != wanted:
                    digest = repository.new_digest(file, wanted)
                    changes[file.id] = {"hash": digest, "hasher": algorithms[wanted]}
        finally:
            # As OMERO.server, which saves them one by one: those before the one that failed.
            if changes:
                with repository.store.write(as_server(call.caller.session.actor)) as work:
                    work.change("OriginalFile", changes)
        return list(changes)

    def importFileset(self, call: Call, fileset: Any, settings: Any) -> Any:
        actor = actor_of(call)
        session = call.caller.session
        if actor.group_id == ALL_GROUPS:
            actor = session.actor
        begun = begin_import(
            self._repository, actor, session.user_name, session.group_name, fileset, settings
        )
        process = ImportProcess(self._importing, call.caller, actor, begun, settings)
        skeleton = omero.grid.ImportProcess
        proxy = self._servants.open_new(call.caller, "ManagedImportProcessI", skeleton, process)
        process.proxy = proxy
        return proxy

    def listImports(self, call: Call) -> Any:
        return [
            active.proxy
            for active in call.caller.session.actives.values()
            if isinstance(active.service, ImportProcess)
        ]


_TO_CHANGE = (
    "select f.id, f.path, f.name, f.hash, h.value, f.details.owner.id, f.details.group.id "
    "from OriginalFile f left outer join f.hasher h "
    "where f.id in (:ids) and f.repo = :repo order by f.id"
)


def _to_change(repository: Repository, actor: Actor, file_ids: Sequence[int]) -> list[DigestedFile]:
    """Those of the files that are in the repository. Raises omero.SecurityViolation unless all are
    the actor's to change."""
    found = []
    with repository.store.read(actor) as work:
        rows = work.projection(_TO_CHANGE, {"ids": list(file_ids), "repo": repository.uuid})
        for row in rows:
            file_id, folder, name, digest, algorithm, owner, group = map(unwrap, row)
            if not work.access.may("edit", type_of("OriginalFile"), owner, group, "managed"):
                raise errors.security(f"OriginalFile {file_id} is not yours to change")
            path = repository.root / folder.strip("/") / name
            found.append(DigestedFile(file_id, path, digest, algorithm))
    return found


def _everywhere(call: Call) -> Actor:
    """Files belong to no group that a client would name: look in all that the user has."""
    return actor_of(call).in_group(ALL_GROUPS)


def _full_name(row: Any) -> str:
    return f"/{unwrap(row.path).strip('/')}/{unwrap(row.name)}".replace("//", "/")
