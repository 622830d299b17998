"""omero::api::ITypes: the values that fields may have."""

from __future__ import annotations

from typing import Any

from omero.rtypes import unwrap

from omero_embedded.model.types import all_types, type_of
from omero_embedded.sessions.acting import actor_of
from omero_embedded.store import Store
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call


class Types:
    def __init__(self, store: Store) -> None:
        self._store = store

    def allEnumerations(self, call: Call, kind: str) -> list[Any]:
        with self._store.read(actor_of(call)) as work:
            return work.find_by(_enumeration(kind))

    def getEnumeration(self, call: Call, kind: str, value: str) -> Any:
        with self._store.read(actor_of(call)) as work:
            found = work.find_by(_enumeration(kind), value=value)
        if not found:
            raise errors.api_usage(f"{kind} has no value {value!r}")
        return found[0]

    def createEnumeration(self, call: Call, wanted: Any) -> Any:
        with self._store.write(actor_of(call)) as work:
            kind = _enumeration(type(wanted).__name__)
            return work.get(kind, work.enumeration(kind, unwrap(wanted.value)).id.val)

    def getEnumerationTypes(self, call: Call) -> list[str]:
        return sorted(t.name for t in all_types().values() if t.is_enumeration)

    def getEnumerationsWithEntries(self, call: Call) -> dict[str, list[Any]]:
        return {name: self.allEnumerations(call, name) for name in self.getEnumerationTypes(call)}

    def getAnnotationTypes(self, call: Call) -> list[str]:
        return sorted(type_of("Annotation").concrete)


def _enumeration(kind: str) -> str:
    try:
        found = type_of(kind)
    except KeyError:
        found = None
    if found is None or not found.is_enumeration:
        raise errors.api_usage(f"{kind} is no enumeration")
    return found.name
