"""Rows become model objects; within one answer, every object exists once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any

import omero
from omero.rtypes import rint
from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, func, select

from omero_embedded.model import values
from omero_embedded.model.types import Member, Type, type_of
from omero_embedded.store.access import Access, file_kind
from omero_embedded.store.schema import (
    CREATION,
    EXTERNAL,
    GROUP,
    OWNER,
    PERMISSIONS,
    TYPE,
    UPDATE,
    table_of,
)

_Key = tuple[str, int]


def one_of(expression: ColumnElement[Any], wanted: Iterable[Any]) -> ColumnElement[bool]:
    """`expression in (wanted)` as one parameter, however many there are."""
    return expression.in_(as_rows(wanted))


def as_rows(wanted: Iterable[Any]) -> Select[Any]:
    """A subselect with one row per value."""
    listed = func.json_each(json.dumps(list(wanted))).table_valued("value")
    return select(listed.c.value)


@cache
def by_ids(table: Table, *columns: str) -> Select[Any]:
    """Rows of a table, all columns or these, whose ids are in the parameter `ids`, a JSON list."""
    listed = func.json_each(bindparam("ids")).table_valued("value")
    shown = [table.c[name] for name in columns or table.c.keys()]
    return select(*shown).where(table.c.id.in_(select(listed.c.value)))


class Loader:
    """Loads objects by id; `finish` ties them together. What is not loaded becomes a proxy."""

    def __init__(self, connection: Connection, access: Access) -> None:
        self._connection = connection
        self._access = access
        self._objects: dict[_Key, Any] = {}
        self._unlinked: list[tuple[Any, str, str, int]] = []
        self._proxies: dict[_Key, Any] = {}

    def load(self, type_name: str, ids: Iterable[int]) -> None:
        """Load these objects with their scalars. Ids that do not exist are passed over."""
        family = type_of(type_name)
        wanted = [i for i in set(ids) if (family.root, i) not in self._objects]
        if not wanted:
            return
        statement = by_ids(table_of(family))
        rows = self._connection.execute(statement, {"ids": json.dumps(wanted)})
        self.take(family, rows.mappings())

    def take(self, family: Type, rows: Iterable[Any]) -> None:
        """Make objects of rows that were read already."""
        for row in rows:
            self._objects[family.root, row["id"]] = self._build(type_of(row[TYPE]), row)

    def object(self, type_name: str, object_id: int | None) -> Any | None:
        """The loaded object of that id, or None."""
        if object_id is None:
            return None
        return self._objects.get((type_of(type_name).root, object_id))

    def fill(self, owner: Any, member: Member, elements: Iterable[Any]) -> None:
        """Give `owner` a loaded collection."""
        setattr(owner, f"_{member.name}Seq", list(elements))
        setattr(owner, f"_{member.name}Loaded", True)

    def finish(self) -> None:
        """Point every reference at its object, loaded in this answer or an unloaded proxy."""
        self._make_proxies()
        for holder, field, root, object_id in self._unlinked:
            key = (root, object_id)
            setattr(holder, field, self._objects.get(key) or self._proxies[key])
        self._unlinked.clear()

    def _build(self, model_type: Type, row: Any) -> Any:
        built = model_type.implementation(row["id"], True)
        built.unloadCollections()
        for member in model_type.members.values():
            if member.kind == "reference":
                self._refer(built, "_" + member.name, member.target, row[member.name])
            elif member.kind != "collection":
                setattr(built, "_" + member.name, values.load(member, row))
        built._version = rint(row["version"])
        self.describe(built, model_type, row)
        return built

    def describe(self, built: Any, model_type: Type, row: Any) -> None:
        """Give an object the details in its row."""
        details = omero.model.DetailsI()
        self._refer(details, "_owner", "Experimenter", row[OWNER])
        self._refer(details, "_group", "ExperimenterGroup", row[GROUP])
        self._refer(details, "_creationEvent", "Event", row[CREATION])
        self._refer(details, "_updateEvent", "Event", row[UPDATE])
        self._refer(details, "_externalInfo", "ExternalInfo", row[EXTERNAL])
        details._permissions = self._access.permissions(
            model_type,
            row[OWNER],
            row[GROUP],
            own=row[PERMISSIONS] if model_type.name == "ExperimenterGroup" else None,
            file_kind=file_kind(model_type, row),
        )
        built._details = details

    def _refer(self, holder: Any, field: str, target: str, object_id: int | None) -> None:
        if object_id is None:
            setattr(holder, field, None)
        else:
            self._unlinked.append((holder, field, type_of(target).root, object_id))

    def _make_proxies(self) -> None:
        missing: dict[str, set[int]] = defaultdict(set)
        for _, _, root, object_id in self._unlinked:
            if (root, object_id) not in self._objects and (root, object_id) not in self._proxies:
                missing[root].add(object_id)
        for root, ids in missing.items():
            for object_id, name in self._names(type_of(root), ids):
                proxy = type_of(name).implementation(object_id, False)
                self._proxies[root, object_id] = proxy

    def _names(self, family: Type, ids: set[int]) -> Iterable[tuple[int, str]]:
        """The concrete type of each object, asked for only where the family has several."""
        if len(family.concrete) == 1:
            return [(object_id, family.concrete[0]) for object_id in ids]
        statement = by_ids(table_of(family), "id", TYPE)
        found = self._connection.execute(statement, {"ids": json.dumps(list(ids))})
        return [(object_id, name) for object_id, name in found]
