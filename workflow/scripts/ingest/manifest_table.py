"""The manifest as a table of texts: bytes to columns, before any cell is judged."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.bulk.files import is_bulk
from ingest.bulk.table import bulk_rows
from ingest.import_options import ORDERS
from ingest.manifest_columns import COLUMNS, COMMENT, FAMILIES, KEY_VALUE, REQUIRED
from ingest.manifest_file import content, decoded, refused
from ingest.manifest_problems import ManifestError, RowProblem

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Table:
    """Rows by column: texts without spaces around them, one list for each of COLUMNS (empty texts
    where the manifest has none) and each of the FAMILIES; `lines` are those the rows start on.

    `ragged` are the rows with another number of cells than the header; they are not in `columns`.
    `problems` are those of the header, which no row can be read around. `remarks` are what a bulk
    file asks for in vain; with `dry_run` it asks that nothing be imported.
    """

    lines: Sequence[int]
    columns: Columns
    ragged: list[RowProblem]
    problems: list[RowProblem]
    remarks: Sequence[str] = ()
    dry_run: bool = False


MOST_COLUMNS = 16_384  # as many as a spreadsheet has


def read_table(path: Path) -> Table:
    """The manifest at `path`. Raises ManifestError when it is no table with the needed columns."""
    bulk = bulk_rows(path) if is_bulk(path) else None
    rows = bulk.rows if bulk else _rows(path, decoded(path, content(path)))
    if not rows:
        raise refused(path, 0, "the manifest is empty", "Write a header and one row per fileset.")
    (header_line, header), *body = rows
    names = [name.strip() for name in header]
    named = sum(map(bool, names))
    if named > MOST_COLUMNS:
        raise refused(
            path,
            header_line,
            f"the header names {named:,} columns",
            f"Write at most {MOST_COLUMNS:,}; does the first line end where it should?",
        )
    used = [
        position
        for position, name in enumerate(names)
        # Spreadsheets leave nameless columns behind; without a cell in them they mean nothing.
        if name or any(cells[position].strip() for _, cells in body if position < len(cells))
    ]
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        positions.setdefault(name, []).append(position)
    problems = [
        RowProblem(header_line, names[position], "", cause, remedy)
        for position in used
        for cause, remedy in _column_problem(names[position], position, positions)
    ]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise ManifestError(
            path, [*problems, *_missing_columns(path, header_line, header, missing)]
        )
    if not body:
        raise refused(path, 0, "the manifest has no rows", "Write one row per fileset.")

    identity = names.index("fileset")
    whole = [(line, cells) for line, cells in body if len(cells) == len(names)]
    ragged = [
        RowProblem(
            line,
            "",
            cells[identity].strip() if identity < len(cells) else "",
            f"the row has {len(cells)} cells, the header has {len(names)}",
            "Write one cell per column; a text that contains a comma needs quotes around it.",
        )
        for line, cells in body
        if len(cells) != len(names)
    ]
    columns = {
        names[position]: [cells[position].strip() for _, cells in whole]
        for position in used
        if names[position] in COLUMNS or names[position].startswith(tuple(FAMILIES))
    }
    empty = [""] * len(whole)
    columns |= {name: empty for name in COLUMNS if name not in columns}
    remarks = (bulk.warnings, bulk.dry_run) if bulk else ((), False)
    return Table([line for line, _ in whole], columns, ragged, problems, *remarks)


def _rows(path: Path, text: str) -> list[tuple[int, list[str]]]:
    """The rows that are not empty, each with the line it starts on.

    The csv module and not pandas' reader: that one fills short rows up, stops at the first long
    one, and does not tell lines.
    """
    rows: list[tuple[int, list[str]]] = []
    line = 1
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if "".join(cells).strip():
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise refused(
            path,
            line,
            f"the row that starts here cannot be read ({error})",
            'Check its quotes: one around the whole cell, "" for a quote inside it.',
        ) from None
    return rows


def _column_problem(
    name: str, position: int, positions: Mapping[str, Sequence[int]]
) -> list[tuple[str, str]]:
    """`positions` are those of each name in the header."""
    if not name:
        return [(f"the header's cell {position + 1} is empty", "Name the column or remove it.")]
    its = positions[name]
    if its[0] < position:
        # Said once, for the second of however many there are.
        if its[1] < position:
            return []
        return [(f"there are {len(its)} columns of this name", "Keep one of them.")]
    if not name.isprintable():
        return [("the column's name holds control characters", "Retype the name.")]
    if name.startswith(COMMENT + ORDERS):
        return [("OMERO takes comments in this namespace for orders", "Choose another namespace.")]
    for family, example in FAMILIES.items():
        if name == family:
            return [
                (
                    "the column's name is not complete",
                    f"Write the rest after the dot, like {name}{example}.",
                )
            ]
        if name.startswith(family):
            return []
        if name.lower().startswith(family):
            return [("there is no such column", f"Did you mean {family}{name[len(family) :]}?")]
    if name in COLUMNS:
        return []
    close = difflib.get_close_matches(name.lower(), COLUMNS, n=1)
    if close:
        return [("there is no such column", f"Did you mean {close[0]}?")]
    return [
        (
            "there is no such column",
            f"Name it {KEY_VALUE}{name} to have it as a key-value pair, or remove it; the columns "
            f"are {', '.join(COLUMNS)}.",
        )
    ]


def _missing_columns(
    path: Path, line: int, header: Sequence[str], missing: Sequence[str]
) -> list[RowProblem]:
    if len(header) == 1:
        for separator, plural in _SEPARATORS.items():
            if separator in header[0]:
                cause = f"the manifest is separated by {plural}, not by commas"
                raise refused(path, line, cause, "Save it as CSV, separated by commas.")
    return [
        RowProblem(line, name, "", "this column is missing", "Add it to the header.")
        for name in missing
    ]
