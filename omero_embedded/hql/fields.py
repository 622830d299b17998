"""Where a path goes from an object: to a term, or on to another object."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, literal

from omero_embedded.hql.parser import HqlError
from omero_embedded.hql.syntax import Path
from omero_embedded.hql.terms import Component, Entity, Term
from omero_embedded.model.types import Member, Type, all_types, type_of
from omero_embedded.model.values import unit_column
from omero_embedded.store.schema import (
    CREATION,
    EXTERNAL,
    GROUP,
    OWNER,
    PERMISSIONS,
    TYPE,
    UPDATE,
)

_DETAILS = {
    "owner": Member(OWNER, "reference", "Experimenter"),
    "group": Member(GROUP, "reference", "ExperimenterGroup"),
    "creationEvent": Member(CREATION, "reference", "Event"),
    "updateEvent": Member(UPDATE, "reference", "Event"),
    "externalInfo": Member(EXTERNAL, "reference", "ExternalInfo"),
}


def has_field(model_type: Type, name: str) -> bool:
    return name in ("id", "version", "class", "details") or _find(model_type, name) is not None


def field(entity: Entity, rest: tuple[str, ...], path: Path) -> tuple[Member, tuple[str, ...]]:
    """The field that a path goes through next, and what remains of the path. Fields of the details
    are named by their columns."""
    name = rest[0]
    if name == "details":
        if len(rest) < 2 or rest[1] not in _DETAILS:
            raise HqlError(f"{path}: details is no field by itself, or has no such part", path.at)
        return _DETAILS[rest[1]], rest[2:]
    member = _find(entity.type, name)
    if member is None:
        raise HqlError(f"{entity.type.name} has no {name}", path.at)
    return member, rest[1:]


def _find(model_type: Type, name: str) -> Member | None:
    """A field of a type, or, as Hibernate has it, of any type derived from it."""
    found = model_type.members.get(name)
    if found is None:
        heirs = (all_types()[heir].members.get(name) for heir in model_type.concrete)
        found = next((member for member in heirs if member), None)
    return found


def end(entity: Entity, rest: tuple[str, ...], path: Path) -> Term | None:
    """The term that a path ends with in this object; None when it goes on to another object."""
    table = entity.table
    if rest == ("id",):
        return Term("value", table.c.id, "RLong")
    if rest == ("version",):
        return Term("value", table.c.version, "RInt")
    if rest == ("class",):
        return Term("class", table.c[TYPE])
    if rest == ("details", "permissions"):
        own = (table.c[PERMISSIONS],) if PERMISSIONS in table.c else ()
        return Term("permissions", table.c[OWNER], entity.type.name, (table.c[GROUP], *own))
    member, beyond = field(entity, rest, path)
    if member.kind == "reference":
        column = table.c[member.name]
        if not beyond:
            return Term("entity", column, member.target)
        return Term("value", column, "RLong") if beyond == ("id",) else None
    if member.kind == "collection" and beyond in ((), ("size",)):
        return Term("collection", table.c.id, member.target, member=member)
    if member.kind == "quantity":
        return end_in_component(quantity(entity, member), beyond, path)
    if beyond:
        raise HqlError(f"{path}: {member.name} has no {beyond[0]}; join it first", path.at)
    target = member.target if member.kind == "scalar" else "RString"
    return Term("value", table.c[member.name], target)


def end_in_component(component: Component, rest: tuple[str, ...], path: Path) -> Term:
    """The term that a path ends with in something that is no object."""
    if not rest and component.term is not None:
        return component.term
    if len(rest) != 1 or rest[0] not in component.fields:
        raise HqlError(f"{path}: it has {' and '.join(component.fields)} only", path.at)
    return component.fields[rest[0]]


def quantity(entity: Entity, member: Member) -> Component:
    """A quantity of an object, with its value and unit."""
    value: ColumnElement[Any] = entity.table.c[member.name]
    unit: ColumnElement[Any] = entity.table.c[unit_column(member.name)]
    fields = {"value": Term("value", value, "RDouble"), "unit": Term("value", unit, "RString")}
    return Component(fields, Term("quantity", value, member.target, (unit,)))


def class_named(path: Path) -> Term:
    """A path that is the name of a type: `TagAnnotation`."""
    try:
        return Term("class", literal(type_of(str(path)).name))
    except KeyError as error:
        raise HqlError(f"{path} is neither an alias, nor a field, nor a type", path.at) from error
