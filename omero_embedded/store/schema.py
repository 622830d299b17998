"""One table per family of types that share their ids, made from the type information.

A column for every scalar and reference, so that HQL becomes SQL; collections are the references of
their elements. References between objects are foreign keys, checked at the end of a transaction.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from omero_embedded.model.types import Member, Type, all_types, type_of
from omero_embedded.model.values import position_column, unit_column

TYPE = "_type"
OWNER, GROUP = "details_owner", "details_group"
CREATION, UPDATE = "details_creationEvent", "details_updateEvent"
EXTERNAL, PERMISSIONS = "details_externalInfo", "details_permissions"

_SQL_TYPES: dict[str, Any] = {
    "RInt": Integer,
    "RLong": Integer,
    "RTime": Integer,
    "RBool": Boolean,
    "RDouble": Float,
    "RFloat": Float,
    "RString": Text,
}
# What clients look objects up by; every reference between objects is indexed besides.
_INDEXED = ("name", "ns", "clientPath", "textValue", "hash", "entityId")
_UNIQUE = {
    "Experimenter": ("omeName",),
    "ExperimenterGroup": ("name",),
    "Session": ("uuid",),
    "Node": ("uuid",),
}

metadata = MetaData()
sequences = Table(
    "_sequence",
    metadata,
    Column("root", Text, primary_key=True),
    Column("next_id", Integer, nullable=False),
)


@cache
def tables() -> dict[str, Table]:
    """The table of every root type, by its name."""
    return {t.name: _table(t) for t in all_types().values() if t.root == t.name}


def table_of(model_type: Type) -> Table:
    return tables()[model_type.root]


def _table(root: Type) -> Table:
    columns: list[Column[Any]] = [
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column(TYPE, Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column(OWNER, Integer),
        Column(GROUP, Integer),
        Column(CREATION, Integer),
        Column(UPDATE, Integer),
        Column(EXTERNAL, Integer),
    ]
    if root.name == "ExperimenterGroup":
        columns.append(Column(PERMISSIONS, Integer, nullable=False))
    columns += _member_columns(root)
    name = root.name.lower()
    table = Table(name, metadata, *columns)
    for column in table.columns:
        if column.foreign_keys or column.name in _INDEXED:
            Index(f"{name}_{column.name}", column)
    unique = _unique(root)
    if unique:
        Index(f"{name}_unique", *(table.c[column] for column in unique), unique=True)
    return table


def _member_columns(root: Type) -> list[Column[Any]]:
    columns: dict[str, Column[Any]] = {}
    for model_type in all_types().values():
        if model_type.root != root.name:
            continue
        for member in model_type.members.values():
            if member.kind != "collection" and member.name not in columns:
                columns[member.name] = _column(member)
            if member.kind == "quantity":
                columns.setdefault(unit_column(member.name), Column(unit_column(member.name), Text))
        for reference in model_type.positions:
            position = position_column(reference)
            columns.setdefault(position, Column(position, Integer))
    return list(columns.values())


def _column(member: Member) -> Column[Any]:
    if member.kind == "reference":
        if type_of(member.target).is_enumeration:
            return Column(member.name, Integer)
        target = type_of(member.target).root.lower()
        key = ForeignKey(f"{target}.id", deferrable=True, initially="DEFERRED")
        return Column(member.name, Integer, key)
    if member.kind == "scalar":
        return Column(member.name, _SQL_TYPES[member.target])
    if member.kind == "quantity":
        return Column(member.name, Float)
    return Column(member.name, LargeBinary if member.kind == "bytes" else Text)


def _unique(root: Type) -> tuple[str, ...]:
    if root.is_enumeration:
        return ("value",)
    if root.is_link:
        return ("parent", "child") if root.is_global else ("parent", "child", OWNER)
    return _UNIQUE.get(root.name, ())
