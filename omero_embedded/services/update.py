"""omero::api::IUpdate."""

from __future__ import annotations

from typing import Any

from omero.rtypes import unwrap

from omero_embedded.sessions.acting import actor_of
from omero_embedded.store import Store
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call


class Update:
    def __init__(self, store: Store) -> None:
        self._store = store

    def saveObject(self, call: Call, graph: Any) -> None:
        self.saveAndReturnArray(call, [graph])

    def saveCollection(self, call: Call, graphs: list[Any]) -> None:
        self.saveAndReturnArray(call, graphs)

    def saveArray(self, call: Call, graphs: list[Any]) -> None:
        self.saveAndReturnArray(call, graphs)

    def saveAndReturnObject(self, call: Call, graph: Any) -> Any:
        return self.saveAndReturnArray(call, [graph])[0]

    def saveAndReturnArray(self, call: Call, graphs: list[Any]) -> list[Any]:
        if any(graph is None for graph in graphs or ()):
            raise errors.api_usage("there is nothing to save: the object is null")
        with self._store.write(actor_of(call)) as work:
            return work.save_all(graphs or [])

    def saveAndReturnIds(self, call: Call, graphs: list[Any]) -> list[int]:
        return [unwrap(saved.id) for saved in self.saveAndReturnArray(call, graphs)]

    def deleteObject(self, call: Call, known: Any) -> None:
        if known is None or known.id is None:
            raise errors.api_usage("only an object with an id can be deleted")
        with self._store.write(actor_of(call)) as work:
            work.delete(type(known).__name__, [unwrap(known.id)])

    def indexObject(self, call: Call, known: Any) -> None:
        # There is no full-text index.
        return None
