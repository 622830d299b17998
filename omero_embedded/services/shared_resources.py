"""omero::grid::SharedResources."""

from __future__ import annotations

from typing import Any

import omero.grid

from omero_embedded.repository.files import Repository
from omero_embedded.repository.managed import ManagedRepository
from omero_embedded.services.tables import Tables
from omero_embedded.sessions.servant_map import ServantMap
from omero_embedded.wire.servants import Call


class SharedResources:
    """One repository, tables, no script processors."""

    def __init__(
        self,
        repository: Repository,
        managed: ManagedRepository,
        servants: ServantMap,
        tables: Tables,
    ) -> None:
        self._repository = repository
        self._managed = managed
        self._servants = servants
        self._tables = tables

    def repositories(self, call: Call) -> Any:
        found = omero.grid.RepositoryMap()
        found.descriptions = [self._managed.root(call)]
        found.proxies = [self._proxy(call)]
        return found

    def _proxy(self, call: Call) -> Any:
        name = f"{call.caller.uuid}PublicRepository-{self._repository.uuid}"
        active = call.caller.session.actives.get(name)
        if active is not None:
            return active.proxy
        skeleton = omero.grid.ManagedRepository
        return self._servants.open(call.caller, name, skeleton, self._managed, False)

    def areTablesEnabled(self, call: Call) -> bool:
        return True

    def newTable(self, call: Call, repository: int, path: str) -> Any:
        return self._tables.new(call, path)

    def openTable(self, call: Call, file: Any) -> Any:
        return self._tables.open(call, file)
