"""Fields of model objects as values that SQLite keeps, and back.

Times are milliseconds since 1970. A quantity takes two columns, its value and its unit's name
("MICROMETER"); lists of named values and of strings are JSON; everything else is one plain value.
"""

from __future__ import annotations

import json
from typing import Any

import omero
from omero.rtypes import rbool, rdouble, rfloat, rint, rlong, rstring, rtime

from omero_embedded.model.types import Member

_WRAPPERS = {
    "RInt": rint,
    "RLong": rlong,
    "RBool": lambda value: rbool(bool(value)),
    "RDouble": rdouble,
    "RFloat": rfloat,
    "RString": rstring,
    "RTime": rtime,
}


_LISTS = ("named_values", "strings")


def unit_column(name: str) -> str:
    return name + "_unit"


def position_column(reference: str) -> str:
    """Where an object stands in the ordered collection that this reference is the inverse of."""
    return reference + "_index"


def store(member: Member, value: Any) -> dict[str, Any]:
    """Column values for what a model object holds in a field (references as ids)."""
    if member.kind == "quantity":
        unit = None if value is None else str(value.getUnit())
        return {
            member.name: None if value is None else value.getValue(),
            unit_column(member.name): unit,
        }
    if value is None or (member.kind in _LISTS and not value):
        return {member.name: None}
    return {member.name: _stored(member, value)}


def _stored(member: Member, value: Any) -> Any:
    if member.kind == "scalar":
        return value if isinstance(value, (int, float, str)) else value.getValue()
    if member.kind == "reference":
        return value.getId().getValue()
    if member.kind == "named_values":
        return json.dumps([[v.name, v.value] for v in value if v is not None], ensure_ascii=False)
    if member.kind == "strings":
        return json.dumps(list(value), ensure_ascii=False)
    return bytes(value)


def load(member: Member, row: Any) -> Any:
    """What a model object holds in a field that is no reference, from its row."""
    value = row[member.name]
    if value is None:
        # Over Ice, a list that is null arrives as an empty one.
        return [] if member.kind in _LISTS else None
    if member.kind == "scalar":
        return wrap(member.target, value)
    if member.kind == "quantity":
        implementation = getattr(omero.model, member.target + "I")
        return implementation(value, row[unit_column(member.name)])
    if member.kind == "named_values":
        return [omero.model.NamedValue(name, text) for name, text in json.loads(value)]
    if member.kind == "strings":
        return json.loads(value)
    return value


def wrap(target: str, value: Any) -> Any:
    """A plain value as the rtype of that name ("RLong"); None stays None."""
    return None if value is None else _WRAPPERS[target](value)


def plain(value: Any) -> Any:
    """An rtype (also lists of them, and objects, as their ids) as a plain value."""
    if isinstance(value, omero.RList | omero.RArray | omero.RSet):
        return [plain(item) for item in value.getValue()]
    if isinstance(value, omero.RType):
        return plain(value.getValue())
    if isinstance(value, omero.model.IObject):
        return plain(value.getId())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value
