"""HQL's functions in SQLite's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Float, Integer, Text, cast, func, literal

from omero_embedded.hql.terms import Term

_Sql = ColumnElement[Any]

# name -> (how it is written, the rtype of what it gives; "" for that of its first argument)
_PLAIN: dict[str, tuple[Callable[..., _Sql], str]] = {
    "lower": (func.lower, "RString"),
    "upper": (func.upper, "RString"),
    "trim": (func.trim, "RString"),
    "str": (lambda value: cast(value, Text), "RString"),
    "length": (func.length, "RInt"),
    "substring": (func.substr, "RString"),
    "locate": (lambda part, whole: func.instr(whole, part), "RInt"),
    "abs": (func.abs, ""),
    "round": (func.round, "RDouble"),
    "mod": (lambda left, right: left.op("%")(right), ""),
    "coalesce": (func.coalesce, ""),
    "nullif": (func.nullif, ""),
}
_AGGREGATES: dict[str, tuple[Callable[..., _Sql], str]] = {
    "count": (func.count, "RLong"),
    "min": (func.min, ""),
    "max": (func.max, ""),
    "sum": (func.sum, "sum"),
    "avg": (func.avg, "RDouble"),
}
_CASTS: dict[str, tuple[Any, str]] = {
    "string": (Text, "RString"),
    "text": (Text, "RString"),
    "int": (Integer, "RInt"),
    "integer": (Integer, "RInt"),
    "long": (Integer, "RLong"),
    "double": (Float, "RDouble"),
    "float": (Float, "RDouble"),
}


def is_known(name: str) -> bool:
    return name in _PLAIN or name in _AGGREGATES or name in ("concat", "current_timestamp")


def call(name: str, arguments: Sequence[Term], distinct: bool) -> Term:
    """A function of terms. TypeError when it takes another number of them."""
    values: list[_Sql] = [argument.sql for argument in arguments]
    if name == "current_timestamp":
        now = (func.julianday("now") - 2440587.5) * 86_400_000
        return Term("value", cast(now, Integer), "RTime")
    if name == "concat":
        return Term("value", joined(values), "RString")
    if name in _PLAIN:
        write, target = _PLAIN[name]
        return Term("value", write(*values), target or arguments[0].target)
    write, target = _AGGREGATES[name]
    (value,) = values
    target = target or arguments[0].target
    if target == "sum":
        target = "RDouble" if arguments[0].target in ("RDouble", "RFloat") else "RLong"
    return Term("value", write(value.distinct() if distinct else value), target)


def count_all() -> Term:
    return Term("value", func.count(), "RLong")


def converted(value: Term, type_name: str) -> Term | None:
    """`cast(value as type)`; None when there is no such type."""
    if type_name not in _CASTS:
        return None
    sql_type, target = _CASTS[type_name]
    return Term("value", cast(value.sql, sql_type), target)


def joined(values: Sequence[_Sql]) -> _Sql:
    """`a || b`."""
    result = values[0]
    for value in values[1:]:
        result = result.op("||")(value)
    return result if len(values) > 1 else result.op("||")(literal(""))
