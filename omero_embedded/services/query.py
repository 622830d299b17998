"""omero::api::IQuery."""

from __future__ import annotations

from typing import Any

from omero.rtypes import unwrap

from omero_embedded.services.parameters import page_of, plain_map
from omero_embedded.sessions.acting import actor_of
from omero_embedded.store import Page, Store
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call


class Query:
    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, call: Call, klass: str, object_id: int) -> Any:
        with self._store.read(actor_of(call)) as work:
            return work.get(klass, object_id)

    def find(self, call: Call, klass: str, object_id: int) -> Any:
        with self._store.read(actor_of(call)) as work:
            return work.find(klass, object_id)

    def findAll(self, call: Call, klass: str, only: Any) -> list[Any]:
        return self._query(call, f"select o from {_name(klass)} o order by o.id", {}, page_of(only))

    def findByExample(self, call: Call, example: Any) -> Any:
        return _only(self.findAllByExample(call, example, None))

    def findAllByExample(self, call: Call, example: Any, only: Any) -> list[Any]:
        values = {
            name.removeprefix("_"): value
            for name, value in vars(example).items()
            if name.startswith("_") and hasattr(value, "_val") and name not in ("_id", "_version")
        }
        if not values:
            raise errors.api_usage("the example has no field to go by")
        conditions = " and ".join(f"o.{name} = :{name}" for name in values)
        hql = f"select o from {_name(type(example).__name__)} o where {conditions} order by o.id"
        return self._query(call, hql, values, page_of(only))

    def findByString(self, call: Call, klass: str, field: str, value: str) -> Any:
        return _only(self.findAllByString(call, klass, field, value, True, None))

    def findAllByString(
        self, call: Call, klass: str, field: str, value: str, case_sensitive: bool, only: Any
    ) -> list[Any]:
        if case_sensitive:
            condition = f"o.{_name(field)} = :value"
        else:
            condition, value = f"lower(o.{_name(field)}) = :value", value.lower()
        hql = f"select o from {_name(klass)} o where {condition} order by o.id"
        return self._query(call, hql, {"value": value}, page_of(only))

    def findByQuery(self, call: Call, hql: str, parameters: Any) -> Any:
        return _only(self.findAllByQuery(call, hql, parameters))

    def findAllByQuery(self, call: Call, hql: str, parameters: Any) -> list[Any]:
        page = page_of(parameters and parameters.theFilter)
        return self._query(call, hql, plain_map(parameters), page)

    def projection(self, call: Call, hql: str, parameters: Any) -> list[list[Any]]:
        page = page_of(parameters and parameters.theFilter)
        with self._store.read(actor_of(call)) as work:
            return work.projection(hql, plain_map(parameters), page)

    def refresh(self, call: Call, known: Any) -> Any:
        if known is None or known.id is None:
            raise errors.api_usage("only an object with an id can be refreshed")
        return self.get(call, type(known).__name__, unwrap(known.id))

    def _query(
        self, call: Call, hql: str, parameters: dict[str, Any], page: Page | None
    ) -> list[Any]:
        with self._store.read(actor_of(call)) as work:
            return work.query(hql, parameters, page)


def _name(word: str) -> str:
    """A type's or field's name as HQL may hold it; anything else is refused."""
    short = word.replace("::", ".").rpartition(".")[2].removesuffix("I")
    if not short.isidentifier():
        raise errors.api_usage(f"{word!r} is not a name")
    return short


def _only(found: list[Any]) -> Any:
    if len({(type(o).__name__, unwrap(o.id)) for o in found}) > 1:
        raise errors.api_usage(
            f"the query found {len(found)} objects where one was asked for: use the findAll form"
        )
    return found[0] if found else None
