"""What a query finds, as model objects or as rows of rtypes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import omero
from omero.rtypes import rbool, rclass, rdouble, rlist, rmap, robject, rstring
from sqlalchemy import Connection, Row
from sqlalchemy.exc import OperationalError

from omero_embedded.hql.compiler import Fetch, Output, Plan, compile_query
from omero_embedded.hql.page import Page
from omero_embedded.hql.parser import HqlError, parse
from omero_embedded.model import values
from omero_embedded.model.types import type_of
from omero_embedded.store.access import Access
from omero_embedded.store.errors import bad_query
from omero_embedded.store.loading import Loader

_RESTRICTIONS = ("canLink", "canEdit", "canDelete", "canAnnotate", "canChgrp", "canChown")


def find_objects(
    connection: Connection,
    access: Access,
    hql: str,
    parameters: Mapping[str, Any] | None,
    page: Page | None,
) -> list[Any]:
    """See Work.query."""
    return _answered(connection, access, hql, parameters, page, _objects)


def find_rows(
    connection: Connection,
    access: Access,
    hql: str,
    parameters: Mapping[str, Any] | None,
    page: Page | None,
) -> list[list[Any]]:
    """See Work.projection."""
    return _answered(connection, access, hql, parameters, page, _rows)


def _answered(
    connection: Connection,
    access: Access,
    hql: str,
    parameters: Mapping[str, Any] | None,
    page: Page | None,
    make: Callable[[Plan, _Answer], list[Any]],
) -> list[Any]:
    try:
        plan = compile_query(parse(hql), access, {} if parameters is None else parameters)
        loader = Loader(connection, access)
        return make(plan, _Answer(connection, access, loader, plan, page or Page()))
    except OperationalError as error:
        # What only SQLite finds wrong, such as a function's number of arguments.
        raise bad_query(f"Illegal query: {error.orig}\n{hql}") from error
    except HqlError as error:
        place = "" if error.at is None else f" (character {error.at}: ...{hql[error.at :][:40]})"
        raise bad_query(f"Illegal query: {error}{place}\n{hql}") from error


class _Answer:
    """The rows of a plan's statement, with the objects they name loaded."""

    def __init__(
        self, connection: Connection, access: Access, loader: Loader, plan: Plan, page: Page
    ) -> None:
        self._access = access
        self._loader = loader
        self._plan = plan
        self._page = page
        statement = plan.statement
        if not plan.fetches_collection:
            statement = statement.limit(page.limit).offset(page.offset)
        self.rows = connection.execute(statement).all()
        self._load()

    def _load(self) -> None:
        wanted: dict[str, set[int]] = defaultdict(set)
        for output in _flat(self._plan.outputs):
            if output.term is not None and output.term.kind == "entity":
                wanted[output.term.target] |= {row[output.start] for row in self.rows}
        for fetch in self._plan.fetches:
            wanted[fetch.member.target] |= {row[fetch.element] for row in self.rows}
        for type_name, ids in wanted.items():
            self._loader.load(type_name, ids - {None})
        for fetch in self._plan.fetches:
            if fetch.member.kind == "collection":
                self._fill(fetch)
        self._loader.finish()

    def _fill(self, fetch: Fetch) -> None:
        elements: dict[int, dict[int, Any]] = defaultdict(dict)
        for row in self.rows:
            if row[fetch.owner] is None:
                continue
            found = elements[row[fetch.owner]]
            if row[fetch.element] is not None:
                position = 0 if fetch.position is None else row[fetch.position]
                found[row[fetch.element]] = position
        for owner_id, found in elements.items():
            ids = (
                sorted(found, key=lambda i: found[i] or 0)
                if fetch.position is not None
                else list(found)
            )
            loaded = (self._loader.object(fetch.member.target, i) for i in ids)
            owner = self._loader.object(fetch.owner_type, owner_id)
            self._loader.fill(owner, fetch.member, loaded)

    def object(self, output: Output, row: Row[Any]) -> Any:
        assert output.term is not None
        return self._loader.object(output.term.target, row[output.start])

    def page_of(self, found: list[Any]) -> list[Any]:
        """With a collection fetched, an object counts once, and the page is cut from objects."""
        if not self._plan.fetches_collection:
            return found
        first = self._page.offset or 0
        last = None if self._page.limit is None else first + self._page.limit
        return list({id(item): item for item in found}.values())[first:last]

    def wrapped(self, output: Output, row: Row[Any]) -> Any:
        """One selected thing of a row as an rtype."""
        if output.term is None:
            return self._constructed(output, row)
        kind, value = output.term.kind, row[output.start]
        if kind == "entity":
            found = self.object(output, row)
            return None if found is None else robject(found)
        if kind == "permissions":
            return self._permissions(output, row)
        if kind == "quantity":
            return _quantity(output.term.target, value, row[output.start + 1])
        if kind == "class":
            return None if value is None else rclass(type_of(value).java_name)
        return values.wrap(output.term.target, value)

    def _constructed(self, output: Output, row: Row[Any]) -> Any:
        parts = [self.wrapped(part, row) for part in output.parts]
        if output.kind == "list":
            return rlist(parts)
        for number, (name, part) in enumerate(zip(output.names, output.parts, strict=True)):
            # OMERO's way of asking for the permissions of an object in a map.
            if name.endswith("_details_permissions"):
                found = self.object(part, row)
                parts[number] = None if found is None else _restrictions(found)
        return rmap(dict(zip(output.names, parts, strict=True)))

    def _permissions(self, output: Output, row: Row[Any]) -> Any:
        assert output.term is not None
        owner, group, *own = row[output.start : output.start + 1 + len(output.term.further)]
        model_type = type_of(output.term.target)
        found = self._access.permissions(model_type, owner, group, own[0] if own else None)
        return _permissions_map(found)


def _objects(plan: Plan, answer: _Answer) -> list[Any]:
    if len(plan.outputs) != 1 or plan.outputs[0].term is None:
        raise HqlError("objects are asked for, but it selects several things: use projection")
    if plan.outputs[0].term.kind != "entity":
        raise HqlError("objects are asked for, but it selects values: use projection")
    return answer.page_of([answer.object(plan.outputs[0], row) for row in answer.rows])


def _rows(plan: Plan, answer: _Answer) -> list[list[Any]]:
    found = [[answer.wrapped(output, row) for output in plan.outputs] for row in answer.rows]
    return answer.page_of(found)


def _flat(outputs: Sequence[Output]) -> list[Output]:
    return [each for output in outputs for each in (output, *output.parts)]


def _quantity(target: str, value: float | None, unit: str) -> Any:
    if value is None:
        return None
    symbol = getattr(omero.model, target + "I").SYMBOLS[unit]
    return rmap({"value": rdouble(value), "unit": rstring(unit), "symbol": rstring(symbol)})


def _restrictions(found: Any) -> Any:
    return _permissions_map(found.getDetails().getPermissions())


def _permissions_map(permissions: Any) -> Any:
    answers = {name: rbool(getattr(permissions, name)()) for name in _RESTRICTIONS}
    return rmap({"perm": rstring(str(permissions)), **answers})
