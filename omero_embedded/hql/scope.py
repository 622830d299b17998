"""The names of one query: its FROM clause, and what paths lead to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache

from sqlalchemy import ColumnElement, FromClause, Table, and_, func, true

from omero_embedded.hql.fields import (
    class_named,
    end,
    end_in_component,
    field,
    has_field,
    quantity,
)
from omero_embedded.hql.parser import HqlError
from omero_embedded.hql.syntax import Path
from omero_embedded.hql.terms import Binding, Component, Entity, Term
from omero_embedded.model.types import Member, Type, type_of
from omero_embedded.store.access import Access
from omero_embedded.store.schema import TYPE, table_of


class Scope:
    """A query's aliases; those of the queries around it are `outer`."""

    def __init__(self, access: Access, outer: Scope | None = None) -> None:
        self.access = access
        self._outer = outer
        self._bindings: dict[str, Binding] = {}
        self._entities: list[Entity] = []
        self._silent: dict[tuple[Entity, str], Entity] = {}
        self._chain: list[tuple[FromClause, ColumnElement[bool], bool]] = []
        self.conditions: list[ColumnElement[bool]] = []
        self.roots: list[Entity] = []
        self._numbers: Iterator[int] = itertools.count() if outer is None else outer._numbers

    def _table(self, model_type: Type) -> FromClause:
        """The type's table under a name that nothing else in the query has."""
        return _alias(table_of(model_type), next(self._numbers))

    # The FROM clause

    def add_root(self, path: Path, alias: str | None) -> None:
        """`from Image i`, or, in a subquery, `from d.imageLinks l`."""
        try:
            model_type = type_of(str(path))
        except KeyError:
            entity = self._root_in_collection(path)
        else:
            entity = Entity(model_type, self._table(model_type))
        self.conditions += self._restrictions(entity)
        self._chain.append((entity.table, true(), False))
        self.roots.append(entity)
        self._bind(alias, entity)

    def _root_in_collection(self, path: Path) -> Entity:
        if self._outer is None or len(path.names) < 2:
            raise HqlError(f"{path} is no type of OMERO's model", path.at)
        term = self.resolve(path)
        if term.kind != "collection" or term.member is None:
            raise HqlError(f"{path} is neither a type nor a collection", path.at)
        target = type_of(term.member.target)
        entity = Entity(target, self._table(target), via=term.member)
        self.conditions.append(entity.table.c[term.member.inverse] == term.sql)
        return entity

    def join(self, path: Path, alias: str | None, is_left: bool) -> tuple[Binding, Entity, Member]:
        """Join along a path. Returns what was joined, the object whose field led there, and that
        field."""
        source, member = self._last_field(path, is_left)
        binding: Binding
        if member.kind in ("collection", "reference"):
            binding = self._join_objects(source, member, is_left)
        elif member.kind == "named_values":
            binding = self._join_pairs(source, member, is_left)
        elif member.kind == "quantity":
            binding = quantity(source, member)
        else:
            raise HqlError(f"{path} cannot be joined: it is a plain value", path.at)
        self._bind(alias, binding)
        return binding, source, member

    def _last_field(self, path: Path, is_left: bool) -> tuple[Entity, Member]:
        """The object that has the field a join goes to, what lies between joined as that is."""
        source, rest = self._start(path) or (None, ())
        if not isinstance(source, Entity) or not rest:
            raise HqlError(f"{path} is no path to anything that can be joined", path.at)
        member, beyond = field(source, rest, path)
        while beyond:
            source, rest = self._step(source, rest, path, is_left)
            member, beyond = field(source, rest, path)
        return source, member

    def _join_objects(self, source: Entity, member: Member, is_left: bool) -> Entity:
        target = type_of(member.target)
        joined = Entity(target, self._table(target), source, member)
        condition = self._linked(source, member, joined)
        restrictions = self._restrictions(joined)
        self._chain.append((joined.table, and_(condition, *restrictions), is_left))
        return joined

    def _linked(self, source: Entity, member: Member, joined: Entity) -> ColumnElement[bool]:
        if member.kind == "collection":
            return joined.table.c[member.inverse] == source.table.c.id
        return joined.table.c.id == source.table.c[member.name]

    def _join_pairs(self, source: Entity, member: Member, is_left: bool) -> Component:
        pairs = func.json_each(source.table.c[member.name]).table_valued("value").alias()
        self._chain.append((pairs, true(), is_left))
        fields = {
            name: Term("value", func.json_extract(pairs.c.value, f"$[{place}]"), "RString")
            for place, name in enumerate(("name", "value"))
        }
        return Component(fields)

    def _restrictions(self, entity: Entity) -> list[ColumnElement[bool]]:
        """That it is of its type, where its table holds several, and that it may be seen."""
        found: list[ColumnElement[bool]] = []
        if entity.type.name != entity.type.root:
            found.append(entity.table.c[TYPE].in_(entity.type.concrete))
        readable = self.access.readable(entity.type, entity.table)
        if readable is not None:
            found.append(readable)
        return found

    def _bind(self, alias: str | None, binding: Binding) -> None:
        if alias is not None:
            self._bindings[alias] = binding
        if isinstance(binding, Entity):
            self._entities.append(binding)

    def add_condition(self, condition: ColumnElement[bool]) -> None:
        """`with ...`: a further condition of the join made last."""
        table, existing, is_left = self._chain[-1]
        self._chain[-1] = (table, and_(existing, condition), is_left)

    def from_clause(self) -> FromClause:
        """All that was added, by name or silently, joined in that order."""
        clause = self._chain[0][0]
        for table, condition, is_left in self._chain[1:]:
            clause = clause.join(table, condition, isouter=is_left)
        return clause

    def outer_tables(self) -> list[FromClause]:
        """The tables of the queries around: a subquery refers to them, it has none of its own."""
        if self._outer is None:
            return []
        return [table for table, _, _ in self._outer._chain] + self._outer.outer_tables()

    # Paths

    def binding(self, alias: str) -> Binding | None:
        """What an alias stands for, here or in a query around."""
        found = self._bindings.get(alias)
        return found or (self._outer.binding(alias) if self._outer else None)

    def resolve(self, path: Path) -> Term:
        """What a path leads to. Raises HqlError when it leads nowhere."""
        start = self._start(path)
        if start is None:
            return class_named(path)
        binding, rest = start
        if isinstance(binding, Component):
            return end_in_component(binding, rest, path)
        while rest:
            term = end(binding, rest, path)
            if term is not None:
                return term
            binding, rest = self._step(binding, rest, path)
        return binding.term

    def _start(self, path: Path) -> tuple[Binding, tuple[str, ...]] | None:
        named = self.binding(path.names[0])
        if named is not None:
            return named, path.names[1:]
        holder = self._holder_of(path.names[0])
        return None if holder is None else (holder, path.names)

    def _holder_of(self, name: str) -> Entity | None:
        """The object whose field it is when a path begins without alias, looked for outwards."""
        for entity in self._entities:
            if has_field(entity.type, name):
                return entity
        return self._outer._holder_of(name) if self._outer else None

    def _step(
        self, source: Entity, rest: tuple[str, ...], path: Path, is_left: bool = False
    ) -> tuple[Entity, tuple[str, ...]]:
        """Follow a reference, joined in silently (an inner join, but on the way of a left one)."""
        member, beyond = field(source, rest, path)
        if member.kind != "reference":
            raise HqlError(f"{path}: {member.name} is no single object; join it first", path.at)
        key = (source, member.name)
        if key not in self._silent:
            target = type_of(member.target)
            joined = Entity(target, self._table(target), source, member)
            self._chain.append((joined.table, self._linked(source, member, joined), is_left))
            self._silent[key] = joined
        return self._silent[key], beyond


@cache
def _alias(table: Table, number: int) -> FromClause:
    """Made once: SQLAlchemy takes its time over a table's columns."""
    return table.alias(f"t{number}")
