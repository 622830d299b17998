"""What can be judged of a manifest's cells without looking at any file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import get_args

import pandas as pd

from ingest.config import Config, ImportTransfer, Transfer
from ingest.expected_checksum import BadChecksum, parse_checksum
from ingest.fileset import Problem
from ingest.manifest_problems import RowProblem
from ingest.manifest_table import KEY_VALUE
from ingest.omero.target_grammar import LONGEST_NAME, target_problem

# A leading dot hides a file and a leading hyphen looks like an option of every command.
ID = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"

_ID = re.compile(ID)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # lines and tabs are text
_DELETES_SOURCES = ("ln_rm", "cp_rm", "upload_rm")


def usable_id(text: str) -> bool:
    """Whether a text can name a fileset, its batch and its folder in the store."""
    return _ID.fullmatch(text) is not None


def check_cells(frame: pd.DataFrame, config: Config) -> Iterator[RowProblem]:
    """The problems of the cells in `frame`, which is a Table's. Empty cells mean defaults, which
    the configuration has checked."""
    yield from _check_ids(frame)
    yield from _judge(frame, "path", _empty_path, with_empty=True)
    for column in frame.columns:
        if column == "description" or column.startswith(KEY_VALUE):
            yield from _judge(frame, column, _control_in_text)
        elif column != "fileset":
            yield from _judge(frame, column, _control)
    yield from _judge(frame, "target", target_problem)
    yield from _judge(frame, "name", _name)
    yield from _judge(frame, "transfer", lambda value: _transfer(value, config))
    yield from _judge(frame, "import_transfer", _import_transfer)
    yield from _judge(frame, "convert", _convert)
    yield from _judge(frame, "checksum", _checksum)
    both = frame[(frame["checksum"] != "") & (frame["checksums"] != "")]
    for line, fileset in zip(both.index, both["fileset"], strict=True):
        yield RowProblem(
            line,
            "checksum",
            fileset,
            "the row has both a checksum and a checksums file",
            "Leave one of the two cells empty.",
        )


def _judge(
    frame: pd.DataFrame,
    column: str,
    judge: Callable[[str], Problem | None],
    with_empty: bool = False,
) -> Iterator[RowProblem]:
    """Asks `judge` once for each value that the column holds."""
    values = frame[column].unique()
    bad = {
        value: problem for value in values if (value or with_empty) and (problem := judge(value))
    }
    if bad:
        rows = frame[frame[column].isin(list(bad))]
        for line, value, fileset in zip(rows.index, rows[column], rows["fileset"], strict=True):
            yield RowProblem.of(bad[value], line, column, fileset)


def _check_ids(frame: pd.DataFrame) -> Iterator[RowProblem]:
    first: dict[str, tuple[int, str]] = {}
    for line, fileset in zip(frame.index.tolist(), frame["fileset"].tolist(), strict=True):
        if not usable_id(fileset):
            cause = f"{fileset!r} cannot be used as an id" if fileset else "the cell is empty"
            remedy = (
                "Write a unique id of at most 100 letters, digits, '.', '_' and '-' that starts "
                "with a letter, a digit or '_'."
            )
            yield RowProblem(line, "fileset", "", cause, remedy)
            continue
        row, other = first.setdefault(fileset.lower(), (line, fileset))
        if row == line:
            continue
        cause = f"row {row} has the same id"
        if other != fileset:
            cause = f"row {row} has the id {other}, which differs only in capital letters"
        yield RowProblem(line, "fileset", fileset, cause, "Give each row an id of its own.")


def _empty_path(value: str) -> Problem | None:
    if value:
        return None
    return Problem("the cell is empty", "Name the fileset's file or folder.")


def _control(value: str) -> Problem | None:
    if _CONTROL.search(value):
        return Problem(f"{value!r} holds control characters or a line break", "Type the text anew.")
    return None


def _control_in_text(value: str) -> Problem | None:
    if _CONTROL_IN_TEXT.search(value):
        return Problem(f"{value!r} holds control characters", "Type the text anew.")
    return None


def _name(value: str) -> Problem | None:
    if len(value) > LONGEST_NAME:
        return Problem(
            f"the name has {len(value)} characters",
            f"Write a shorter one: OMERO keeps at most {LONGEST_NAME}.",
        )
    return None


def _transfer(value: str, config: Config) -> Problem | None:
    if value not in get_args(Transfer):
        return Problem(
            f"{value!r} is not a transfer", f"Write one of {', '.join(get_args(Transfer))}."
        )
    if value != "none" and config.transfer.store is None:
        return Problem(
            f"transfer {value} needs a store, and none is configured",
            "Set the option transfer.store, or write none.",
        )
    return None


def _import_transfer(value: str) -> Problem | None:
    choices = ", ".join(get_args(ImportTransfer))
    if value in _DELETES_SOURCES:
        return Problem(
            f"import transfer {value}, which removes the source, is not supported yet",
            f"Write one of {choices}.",
        )
    if value not in get_args(ImportTransfer):
        return Problem(f"{value!r} is not an import transfer", f"Write one of {choices}.")
    return None


def _convert(value: str) -> Problem:
    return Problem(
        f"the row asks for the converter {value!r}, but no converter is configured",
        "Leave the cell empty.",
    )


def _checksum(value: str) -> Problem | None:
    try:
        parse_checksum(value)
    except BadChecksum as error:
        return error.problem
    return None
