"""What the names and expressions of a query stand for in SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, FromClause

from omero_embedded.model.types import Member, Type

Kind = Literal["value", "entity", "quantity", "collection", "permissions", "class"]


@dataclass(frozen=True, slots=True)
class Term:
    """An expression. `sql` is its value; an entity's is its id, a collection's its owner's id.

    `target` names the rtype of a value ("RLong"), the type of an entity, the class of a quantity.
    `further` holds a quantity's unit, or group and own permissions where `sql` is an owner.
    """

    kind: Kind
    sql: ColumnElement[Any]
    target: str = ""
    further: tuple[ColumnElement[Any], ...] = ()
    member: Member | None = None


@dataclass(slots=True, eq=False)
class Entity:
    """An object in the FROM clause. `via` is the field of `source` it was reached by."""

    type: Type
    table: FromClause
    source: Entity | None = None
    via: Member | None = None

    @property
    def term(self) -> Term:
        return Term("entity", self.table.c.id, self.type.name)


@dataclass(slots=True, eq=False)
class Component:
    """An alias for something that is no object: a quantity, or one pair of a list of pairs."""

    fields: dict[str, Term] = field(default_factory=dict)
    term: Term | None = None


Binding = Entity | Component
