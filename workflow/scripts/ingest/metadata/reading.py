"""Tables as people save them: separators, encodings, compression, spreadsheets."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.fileset import StageError

SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")

_SEPARATORS = ",;\t|"
_LARGEST = 2_000_000_000  # bytes, unpacked
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Lines:
    """The lines of a table that are not empty, as texts without spaces around them; `numbers` are
    those a person sees, from 1."""

    path: Path
    numbers: Sequence[int]
    cells: Sequence[Sequence[str]]


def read_lines(path: Path) -> Lines:
    """Raises StageError when there is no table at `path`."""
    try:
        suffix = path.suffix.lower()
        rows = _spreadsheet(path) if suffix in SPREADSHEETS else _text_lines(path)
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
    return Lines(path, [number for number, _ in lines], [cells for _, cells in lines])


def _spreadsheet(path: Path) -> Iterator[tuple[int, list[str]]]:
    # Half a second to load, and only spreadsheets need it.
    import pandas as pd

    try:
        sheet = pd.read_excel(path, header=None, dtype=str, na_filter=False, engine="calamine")
    except Exception as error:  # each format's reader has errors of its own
        raise ValueError(str(error)) from None
    for number, cells in enumerate(sheet.itertuples(index=False, name=None), 1):
        yield number, [str(cell) for cell in cells]


def _text_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        with gzip.open(path) as unpacked:
            content = unpacked.read(_LARGEST)
    text = _decoded(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    before = 0
    for cells in reader:
        yield before + 1, cells
        before = reader.line_num


def _decoded(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding)
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
