"""What the columns of a table say: of which object a row is, and what is said of it.

Headers are those of IDR's annotation.csv (`Dataset Name`, `Image Name`, `Plate`, `Well`,
`Characteristics [Organism]`) and of omero-metadata (the same, with an optional line of types before
them: `# header image,d,s`, populate.py of omero-metadata 0.14).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ingest.fileset import StageError
from ingest.metadata.reading import Lines, read_lines

Role = Literal["project", "dataset", "screen", "plate", "well", "image", "fileset"]
Kind = Literal["Image", "Well", "Plate", "Dataset", "Fileset"]
Type = Literal["string", "long", "double", "bool"]

ROLES: tuple[Role, ...] = get_args(Role)
_TYPES_LINE = "# header "
_TYPES: Mapping[str, Type] = {"d": "double", "l": "long", "b": "bool", "s": "string"}
_BRACKETS = re.compile(
    r"(?:Characteristics|Comment|Experimental Condition|Factor Value|Parameter Value)"
    r"\s*\[\s*(.+?)\s*\]\s*(.*)",
    re.I,
)
_WELL = re.compile(r"([A-Za-z]{1,2})0*(\d{1,3})")


@dataclass(frozen=True)
class Column:
    """`key` is the header, or what stands in its brackets where no other column has that."""

    position: int
    header: str
    key: str
    type: Type


@dataclass(frozen=True)
class Row:
    """`names`: by role, the name (or, of a key in `Described.by_id`, the id) of what it describes;
    wells as `A1`. `values` belong to the description's columns. `problem`: why it is of no use."""

    line: int
    names: Mapping[Role, str]
    values: Sequence[str]
    problem: str = ""

    def pairs(self, columns: Sequence[Column]) -> list[tuple[str, str]]:
        """What is said, without what is left empty."""
        return [
            (column.key, value) for column, value in zip(columns, self.values, strict=True) if value
        ]


@dataclass(frozen=True)
class Description:
    """A table: of which `kind` of object its rows are, by which `roles` they name it, those of them
    whose texts are ids, and what its other columns say."""

    path: Path
    kind: Kind
    roles: tuple[Role, ...]
    by_id: frozenset[Role]
    columns: Sequence[Column]
    rows: Sequence[Row]


def describe(lines: Lines) -> Description:
    """Raises StageError when the header names nothing that a row could be about."""
    numbered = list(zip(lines.numbers, lines.cells, strict=True))
    types: Sequence[str] = ()
    if numbered and numbered[0][1][0].startswith(_TYPES_LINE):
        first = numbered.pop(0)[1]
        types = [first[0].removeprefix(_TYPES_LINE), *first[1:]]
    if len(numbered) < 2:
        raise StageError(f"the table {lines.path} has no rows", "Write a header and rows.")
    (_, header), *body = numbered
    role_at = {at: role for at, name in enumerate(header) if (role := _role(name)) is not None}
    roles = tuple(dict.fromkeys(role_at.values()))
    kind = _kind(roles)
    if kind is None:
        raise StageError(
            f"the table {lines.path} does not say what its rows are about: its header is "
            f"{', '.join(header)[:300]}",
            "Name a column Image Name (and Dataset Name), Plate and Well, Plate, Dataset Name or "
            "fileset.",
        )
    short = [[*cells, *[""] * (len(header) - len(cells))] for _, cells in body]
    ids = {
        at
        for at, role in role_at.items()
        # omero-metadata's columns Image and Dataset hold ids, Image Name and Dataset Name do not.
        if role in ("image", "dataset")
        and "name" not in header[at].lower()
        and all(row[at].isdigit() for row in short if row[at])
    }
    # Exported tables have both, and an id tells more than a name.
    by_id = frozenset(role_at[at] for at in ids)
    columns = _columns(header, role_at, types)
    rows = [
        Row(
            number,
            {
                role: _name(role, row[at])
                for at, role in role_at.items()
                if row[at] and (role not in by_id or at in ids)
            },
            [row[column.position] for column in columns],
            _problem(row, header),
        )
        for (number, _), row in zip(body, short, strict=True)
    ]
    return Description(lines.path, kind, roles, by_id, columns, rows)


def read_tables(paths: Iterable[Path]) -> list[Description]:
    """Raises StageError when one of them cannot be read, or does not say what it is about."""
    return [describe(read_lines(path)) for path in paths]


def key_values(lines: Lines) -> list[tuple[str, str]]:
    """The pairs of a table of two columns, with or without a header.

    Raises StageError for another number of columns.
    """
    wide = [number for number, cells in zip(lines.numbers, lines.cells, strict=True)
            if len([cell for cell in cells[2:] if cell]) or len(cells) < 2]  # fmt: skip
    if wide:
        raise StageError(
            f"line {wide[0]} of {lines.path} is not a key and a value",
            "Write two columns; a value that contains the separator needs quotes around it.",
        )
    pairs = [(cells[0], cells[1]) for cells in lines.cells]
    if pairs and tuple(text.lower() for text in pairs[0]) in _HEADERS:
        del pairs[0]
    return [(key, value) for key, value in pairs if key and value]


_HEADERS = {
    (key, value)
    for key in ("key", "keys", "name", "field", "attribute", "property")
    for value in ("value", "values")
}


def well_label(text: str) -> str:
    """`A1` of a1, A01 and A1; other texts as they are."""
    found = _WELL.fullmatch(text)
    return f"{found[1].upper()}{int(found[2])}" if found else text


def _problem(row: Sequence[str], header: Sequence[str]) -> str:
    # Which of its cells is in the wrong column cannot be told.
    if any(row[len(header) :]):
        return (
            f"it has {len(row)} cells, the header {len(header)}: a text that contains the "
            "separator needs quotes around it"
        )
    return ""


def _name(role: Role, text: str) -> str:
    return well_label(text) if role == "well" else text


def _role(header: str) -> Role | None:
    name = " ".join(header.lower().replace("_", " ").split())
    return next((role for role in ROLES if name in (role, f"{role} name")), None)


def _kind(roles: Sequence[Role]) -> Kind | None:
    if "image" in roles:
        return "Image"
    if "well" in roles and "plate" in roles:
        return "Well"
    kinds: Mapping[Role, Kind] = {"plate": "Plate", "fileset": "Fileset", "dataset": "Dataset"}
    return next((kind for role, kind in kinds.items() if role in roles), None)


def _columns(
    header: Sequence[str], role_at: Mapping[int, Role], types: Sequence[str]
) -> list[Column]:
    shortened = [" ".join(filter(None, found.groups())) if (found := _BRACKETS.fullmatch(name))
                 else name for name in header]  # fmt: skip
    count = Counter(shortened)
    return [
        Column(
            at,
            name,
            shortened[at] if count[shortened[at]] == 1 else name,
            _TYPES.get(types[at].strip().lower(), "string") if at < len(types) else "string",
        )
        for at, name in enumerate(header)
        if at not in role_at and name
    ]
