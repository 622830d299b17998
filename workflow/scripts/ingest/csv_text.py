"""Tables as CSV that programs read, and that spreadsheet programs show without obeying it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """`rows` below their header; what a cell has several of is separated by `;`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, list | tuple):
        value = ";".join(map(str, value))
    return _inert(value) if isinstance(value, str) else value


def _inert(text: str) -> str:
    """`text`, which a spreadsheet program will not take for a formula, nor a reader for two rows.

    Only what can be a formula is changed, with the apostrophe such programs take for "this is
    text": absolute paths and fileset ids never are. A carriage return, which the csv module leaves
    unquoted, is written as `\\r`.
    """
    text = text.replace("\r", "\\r")
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text
