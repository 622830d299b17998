"""Which object in OMERO each row of a table is about."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ingest.metadata.columns import Description, Kind, Role, Row


@dataclass(frozen=True)
class Described:
    """An object of this manifest's imports: all names it can be known by, by role, and the ids of
    itself and of what it is in. `images` are those that are in it."""

    kind: Kind
    id: int
    user: str
    group: str
    names: Mapping[Role, frozenset[str]]
    ids: Mapping[Role, int] = field(default_factory=dict)
    images: Sequence[int] = ()


@dataclass(frozen=True)
class Match:
    """`problem` says why a row is about nothing, or about more than one thing."""

    row: Row
    objects: Sequence[Described]
    problem: str = ""


def match(description: Description, objects: Sequence[Described]) -> list[Match]:
    """For each row the one object it is about (of a fileset: all its plates or images)."""
    index: dict[tuple[str, ...], dict[int, Described]] = defaultdict(dict)
    roles = description.roles
    of_kind = [each for each in objects if each.kind == description.kind]
    # Rows may leave some of their names out, so each combination that occurs has its index.
    for used in {tuple(role for role in roles if role in row.names) for row in description.rows}:
        for each in of_kind:
            for key in _keys(each, used, description.by_id):
                index[(*used, "", *key)][each.id] = each
    return [_match(row, roles, index, description.kind) for row in description.rows]


def _match(
    row: Row,
    roles: Sequence[Role],
    index: Mapping[tuple[str, ...], Mapping[int, Described]],
    kind: Kind,
) -> Match:
    if row.problem:
        return Match(row, (), row.problem)
    used = tuple(role for role in roles if role in row.names)
    if not used:
        return Match(row, (), f"the row names no {kind.lower()}")
    found = list(index.get((*used, "", *(_alike(row.names[role]) for role in used)), {}).values())
    said = ", ".join(f"{role} {row.names[role]}" for role in used)
    what = kind.lower()
    if not found:
        return Match(row, (), f"there is no {what} of this manifest with {said}")
    if len(found) > 1:
        ids = ", ".join(f"{each.kind}:{each.id}" for each in found[:5])
        return Match(row, (), f"{len(found)} {what}s of this manifest have {said}: {ids}")
    return Match(row, found)


def _keys(each: Described, used: Sequence[Role], by_id: frozenset[Role]) -> list[tuple[str, ...]]:
    """Every way in which the object answers to these roles: one name of each."""
    keys: list[tuple[str, ...]] = [()]
    for role in used:
        names: Iterable[str] = (
            {str(each.ids[role])}
            if role in by_id and role in each.ids
            else each.names.get(role, ())
        )
        keys = [(*key, name) for key in keys for name in sorted({_alike(name) for name in names})]
    return keys


def _alike(name: str) -> str:
    """Names that look the same are: an umlaut is one character or two, as systems write it."""
    return unicodedata.normalize("NFC", name.strip())
