"""IUpdate: a graph of model objects becomes rows.

New objects are inserted, loaded ones that have an id updated where they differ, unloaded ones are
references. What is reached through references and loaded collections is saved along; nothing is
ever deleted because it is missing from a collection.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from omero.rtypes import rint, rlong
from sqlalchemy import (
    Connection,
    Select,
    Update,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from omero_embedded.model import values
from omero_embedded.model.types import Type, type_of
from omero_embedded.model.values import position_column
from omero_embedded.store.access import PRIVATE, Access
from omero_embedded.store.errors import invalid, outdated
from omero_embedded.store.events import Events
from omero_embedded.store.inserting import insert_rows
from omero_embedded.store.loading import Loader, by_ids
from omero_embedded.store.rights import Rights
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
from omero_embedded.store.sequences import Sequences

_Saved = tuple[Any, Type, dict[str, Any]]

_ROW = "row to update"  # no column is called so


class Saver:
    """Saves the graphs of one call."""

    def __init__(
        self, connection: Connection, access: Access, sequences: Sequences, events: Events
    ) -> None:
        self._connection = connection
        self._access = access
        self._rights = Rights(connection, access)
        self._sequences = sequences
        self._events = events
        self._seen: dict[int, Any] = {}
        self._new: list[tuple[Any, Type]] = []
        self._known: list[tuple[Any, Type]] = []
        self._claimed: dict[str, dict[int, Type]] = defaultdict(dict)
        self._positions: dict[tuple[int, str], int] = {}

    def save(self, graphs: Iterable[Any]) -> None:
        """Save, and fill in ids, versions and details in the objects given."""
        self._collect(graphs)
        self._rights.look_up(self._claimed)
        saved = self._insert_all() + self._update_all()
        loader = Loader(self._connection, self._access)
        for item, model_type, row in saved:
            item._version = rint(row["version"])
            loader.describe(item, model_type, row)
        loader.finish()

    def enumeration(self, model_type: Type, value: str | None) -> int:
        """The id of an enumeration's value, which is made when it is new."""
        if value is None:
            raise invalid(f"{model_type.name} has neither an id nor a value")
        found = self._connection.scalar(_valued(model_type), {"value": value})
        if found is None:
            found = self._sequences.next(model_type.root)
            row = {"id": found, TYPE: model_type.name, "version": 0, "value": value}
            insert_rows(self._connection, model_type, [row])
        return int(found)

    def _collect(self, graphs: Iterable[Any]) -> None:
        pending = [graph for graph in graphs if graph is not None]
        pending.reverse()
        while pending:
            item = pending.pop()
            if id(item) in self._seen:
                continue
            self._seen[id(item)] = item
            model_type = type_of(item)
            if not item._loaded or model_type.is_enumeration:
                self._refer_to(item, model_type)
                continue
            if item._id is None:
                item._id = rlong(self._sequences.next(model_type.root))
                self._new.append((item, model_type))
            else:
                self._refer_to(item, model_type)
                if not model_type.is_mutable:
                    continue
                self._known.append((item, model_type))
            pending.extend(reversed(self._neighbours(item, model_type)))

    def _neighbours(self, item: Any, model_type: Type) -> list[Any]:
        found = [getattr(item, "_" + member.name) for member in model_type.references]
        for member in model_type.collections:
            if not getattr(item, f"_{member.name}Loaded"):
                continue
            elements = getattr(item, f"_{member.name}Seq")
            for position, element in enumerate(e for e in elements if e is not None):
                if element._loaded:
                    setattr(element, "_" + member.inverse, item)
                    if member.ordered:
                        self._positions[id(element), member.inverse] = position
                found.append(element)
        if item._details is not None:
            found.append(item._details._externalInfo)
        return [neighbour for neighbour in found if neighbour is not None]

    def _refer_to(self, item: Any, model_type: Type) -> None:
        if item._id is None:
            if not item._loaded:
                raise invalid(f"An unloaded {model_type.name} without id refers to nothing")
            item._id = rlong(self.enumeration(model_type, values.plain(item._value)))
        self._claimed[model_type.root][item._id.getValue()] = model_type

    # Inserting

    def _insert_all(self) -> list[_Saved]:
        saved = [(item, kind, self._standing_of_new(item, kind)) for item, kind in self._new]
        by_type: dict[Type, list[dict[str, Any]]] = defaultdict(list)
        for item, model_type, row in saved:
            row |= self._fields(item, model_type)
            _check_required(model_type, row)
            self._rights.check_links(model_type, row, set(row))
            by_type[model_type].append(row)
        for model_type, rows in by_type.items():
            self._append_positions(model_type, rows)
            with _duplicates_named(model_type):
                insert_rows(self._connection, model_type, rows)
            self._events.log("INSERT", model_type, [row["id"] for row in rows])
        return saved

    def _standing_of_new(self, item: Any, model_type: Type) -> dict[str, Any]:
        object_id = item._id.getValue()
        owner, group = self._rights.standing_of_new(item, model_type, object_id)
        event = self._events.current() if model_type.name not in ("Event", "EventLog") else None
        row: dict[str, Any] = {
            "id": object_id,
            TYPE: model_type.name,
            "version": 0,
            OWNER: owner,
            GROUP: group,
            CREATION: event,
            UPDATE: event,
            EXTERNAL: None,
        }
        if model_type.name == "ExperimenterGroup":
            row[PERMISSIONS] = PRIVATE
        return row | _from_details(item, model_type)

    def _fields(self, item: Any, model_type: Type) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for member in model_type.members.values():
            if member.kind == "collection":
                continue
            row |= values.store(member, getattr(item, "_" + member.name))
            if member.kind == "reference" and member.name in model_type.positions:
                position = self._positions.get((id(item), member.name))
                row[position_column(member.name)] = position
        return row

    def _append_positions(self, model_type: Type, rows: list[dict[str, Any]]) -> None:
        """An element saved on its own goes to the end of its ordered collection."""
        table = table_of(model_type)
        for reference in model_type.positions:
            position = table.c[position_column(reference)]
            following: dict[int, int] = {}
            for row in rows:
                holder = row[reference]
                if holder is None or row[position.name] is not None:
                    continue
                if holder not in following:
                    last = select(func.max(position)).where(table.c[reference] == holder)
                    found = self._connection.scalar(last)
                    following[holder] = 0 if found is None else found + 1
                row[position.name] = following[holder]
                following[holder] += 1

    # Updating

    def _update_all(self) -> list[_Saved]:
        saved = []
        by_type: dict[Type, list[Any]] = defaultdict(list)
        for item, model_type in self._known:
            by_type[model_type].append(item)
        for model_type, items in by_type.items():
            ids = [item._id.getValue() for item in items]
            statement = by_ids(table_of(model_type))
            found = self._connection.execute(statement, {"ids": json.dumps(ids)})
            current = {row["id"]: dict(row) for row in found.mappings()}
            changed: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
            for item in items:
                row = current[item._id.getValue()]
                _check_version(item, model_type, row)
                changes = self._changes(item, model_type, row)
                if changes:
                    changed[tuple(changes)].append({_ROW: row["id"], **changes})
                saved.append((item, model_type, row | changes))
            for rows in changed.values():
                with _duplicates_named(model_type):
                    self._connection.execute(_updating(model_type), rows)
                self._events.log("UPDATE", model_type, [row[_ROW] for row in rows])
        return saved

    def _changes(self, item: Any, model_type: Type, row: dict[str, Any]) -> dict[str, Any]:
        """What is to change in the row of an object; the actor may change it."""
        wanted = self._fields(item, model_type) | _from_details(item, model_type)
        for reference in model_type.positions:
            # A place in an order is only known when the collection came along.
            if wanted[position_column(reference)] is None:
                del wanted[position_column(reference)]
        changes = {name: value for name, value in wanted.items() if row[name] != value}
        if not changes:
            return {}
        self._rights.check_edit(model_type, row, changes)
        _check_required(model_type, row | changes)
        self._rights.check_links(model_type, row | changes, set(changes))
        return changes | {"version": row["version"] + 1, UPDATE: self._events.current()}


@contextmanager
def _duplicates_named(model_type: Type) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise invalid(
            f"could not save {model_type.java_name}, it is there already: {error.orig}"
        ) from error


@cache
def _updating(model_type: Type) -> Update:
    table = table_of(model_type)
    return update(table).where(table.c.id == bindparam(_ROW))


@cache
def _valued(model_type: Type) -> Select[Any]:
    table = table_of(model_type)
    return select(table.c.id).where(table.c.value == bindparam("value"))


def _from_details(item: Any, model_type: Type) -> dict[str, Any]:
    """What an object's details ask for: its owner, group, external info, a group's permissions."""
    details = item._details
    if details is None:
        return {}
    asked: dict[str, Any] = {}
    references = {EXTERNAL: details._externalInfo}
    if not model_type.is_global:
        references |= {OWNER: details._owner, GROUP: details._group}
    for name, value in references.items():
        if value is not None:
            asked[name] = value._id.getValue()
    if model_type.name == "ExperimenterGroup" and details._permissions is not None:
        asked[PERMISSIONS] = details._permissions.getPerm1()
    return asked


def _check_version(item: Any, model_type: Type, row: Mapping[str, Any]) -> None:
    """As Hibernate does for whatever is loaded in a graph, whether or not it would be changed."""
    if item._version is not None and item._version.getValue() != row["version"]:
        raise outdated(
            "Row was updated or deleted by another transaction: "
            f"[{model_type.java_name}#{row['id']}]"
        )


def _check_required(model_type: Type, row: Mapping[str, Any]) -> None:
    for member in model_type.members.values():
        if member.required and member.kind != "collection" and row[member.name] is None:
            raise invalid(
                "not-null property references a null or transient value: "
                f"{model_type.java_name}.{member.name}"
            )
