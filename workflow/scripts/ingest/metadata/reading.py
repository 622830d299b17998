"""Tables as people save them: separators, encodings, compression, spreadsheets."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.fileset import StageError

SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")

# Where a text could be cut at two of them, the one that is rarer within words is meant.
_SEPARATORS = "\t;|,"
_LARGEST = 2_000_000_000  # bytes, unpacked
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PACKED = (b"PK\3\4", b"\xd0\xcf\x11\xe0")  # how spreadsheets begin, whatever they are called


@dataclass(frozen=True)
class Lines:
    """The lines of a table that are not empty, as texts without spaces around them, and without
    the columns before its first; `numbers` are those a person sees, from 1."""

    path: Path
    numbers: Sequence[int]
    cells: Sequence[Sequence[str]]


def read_lines(path: Path) -> Lines:
    """Raises StageError when there is no table at `path`."""
    try:
        rows = _spreadsheet(path) if _is_spreadsheet(path) else _text_lines(path)
        lines = [
            (number, [cell.strip() for cell in cells])
            for number, cells in rows
            if any(cell.strip() for cell in cells)
        ]
    except OSError as error:
        raise StageError(
            f"the table {path} cannot be read: {error.strerror or error}",
            "Correct its name, or see that it can be read.",
        ) from None
    except (EOFError, ValueError, csv.Error) as error:
        raise StageError(
            f"the table {path} cannot be read: {error}",
            "Save it as CSV in UTF-8, or as a spreadsheet.",
        ) from None
    first = min(
        (next(at for at, cell in enumerate(cells) if cell) for _, cells in lines), default=0
    )
    return Lines(path, [number for number, _ in lines], [cells[first:] for _, cells in lines])


def _is_spreadsheet(path: Path) -> bool:
    if path.suffix.lower() in SPREADSHEETS:
        return True
    with path.open("rb") as file:
        return file.read(4) in _PACKED


def _spreadsheet(path: Path) -> list[tuple[int, list[str]]]:
    """The first sheet that is shown and holds anything."""
    from python_calamine import CalamineWorkbook, SheetVisibleEnum

    rows: list[list[Any]] = []
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            for each in book.sheets_metadata:
                sheet = book.get_sheet_by_name(each.name)
                if each.visible == SheetVisibleEnum.Visible and sheet.height:
                    rows = sheet.to_python(skip_empty_area=False)
                    _fill_down(rows, sheet.merged_cell_ranges or ())
                    break
    except Exception as error:  # each format's reader has errors of its own
        raise ValueError(str(error)) from None
    return [(number, list(map(_text, cells))) for number, cells in enumerate(rows, 1)]


def _fill_down(
    rows: list[list[Any]], merged: Iterable[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    """A cell that was merged with those below it is about their rows, too."""
    for (top, left), (bottom, _) in merged:
        for row in rows[top + 1 : bottom + 1]:
            row[left] = rows[top][left]


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _text_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        with gzip.open(path) as unpacked:
            content = unpacked.read(_LARGEST)
    text = _decoded(content)
    if "\0" in text:
        raise ValueError("it holds NUL characters, as no table does")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    before, last = 0, ""
    for cells in reader:
        yield before + 1, cells
        before, last = reader.line_num, cells[-1] if cells else ""
    if "\n" in last and not text.rstrip().endswith('"'):
        raise ValueError(f"the quote before {last[:40]!r} is never closed")


def _decoded(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding)
    # The header's letters are ASCII, which UTF-16 writes with a NUL before or after.
    if content[1:2] == b"\0":
        return content.decode("utf-16-le")
    if content[:1] == b"\0":
        return content.decode("utf-16-be")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # What spreadsheets on Windows save; every byte is a character of it, or nearly.
        return content.decode("cp1252", "replace")


def _separator(text: str) -> str:
    """The one that most of the first lines have the same number of."""
    lines = [line for line in text[:100_000].splitlines()[:50] if line.strip()]
    if not lines:
        return ","

    def agreement(separator: str) -> tuple[int, int]:
        counts = [len(next(csv.reader([line], delimiter=separator), [])) for line in lines]
        widest = max(set(counts), key=lambda count: (counts.count(count), count))
        return (counts.count(widest) if widest > 1 else 0, widest)

    return max(_SEPARATORS, key=agreement)
