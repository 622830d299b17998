"""What can be judged of a manifest's cells without looking at any file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, get_args

from ingest.config import Config, Transfer
from ingest.conversion.options import NO_CONVERTER, parse_request
from ingest.expected_checksum import parse_checksum
from ingest.fileset import BadText, Problem
from ingest.import_options import PARSERS
from ingest.import_transfers import custom_problem, is_custom, removes_sources, text_problem
from ingest.manifest_columns import FAMILIES
from ingest.manifest_problems import RowProblem
from ingest.manifest_table import Table
from ingest.omero.target_grammar import LONGEST_NAME, target_problem

# A leading dot hides a file and a leading hyphen looks like an option of every command.
ID = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"

_ID = re.compile(ID)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # lines and tabs are text


def usable_id(text: str) -> bool:
    """Whether a text can name a fileset, its batch and its folder in the store."""
    return _ID.fullmatch(text) is not None


def check_cells(table: Table, config: Config) -> Iterator[RowProblem]:
    """The problems of a table's cells. Empty cells mean defaults, which the configuration has
    checked."""
    yield from _check_ids(table)
    yield from _check_paths(table)
    filled = {column: cells for column, cells in table.columns.items() if any(cells)}
    for column, values in filled.items():
        is_text = column in ("description", "comment") or column.startswith(tuple(FAMILIES))
        characters = _CONTROL_IN_TEXT if is_text else _CONTROL
        # All cells at once, of which hardly any have one (and if all is printable, none has).
        cells = "".join(values)
        if column != "fileset" and not cells.isprintable() and characters.search(cells):
            yield from _judge(table, column, _control_in_text if is_text else _control)
    judges: dict[str, Callable[[str], Problem | None]] = {
        "target": target_problem,
        "name": _name,
        "transfer": lambda value: _transfer(value, config),
        "import_transfer": lambda value: _import_transfer(value, config),
        "convert": lambda value: _convert(value, config),
        "checksum": partial(_parsing, parse_checksum),
        **{column: partial(_parsing, parse) for column, parse in PARSERS.items()},
    }
    for column, judge in judges.items():
        if column in filled:
            yield from _judge(table, column, judge)
    if "transfer" in filled:
        yield from _check_transfers_of_converted(table, config)
    if "checksum" in filled and "checksums" in filled:
        yield from _check_checksums(table)


def _rows(table: Table, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Of each row its line, a number, and its cells in `columns`, which are texts."""
    return zip(table.lines, *(table.columns[column] for column in columns), strict=True)


def _check_transfers_of_converted(table: Table, config: Config) -> Iterator[RowProblem]:
    for line, fileset, transfer, convert in _rows(table, "fileset", "transfer", "convert"):
        if transfer in ("", "none") or (convert or config.defaults.convert) in ("", NO_CONVERTER):
            continue
        yield RowProblem(
            line,
            "transfer",
            fileset,
            f"the transfer {transfer} is asked for, but what a converter makes is in the store "
            "already",
            "Leave the cell empty; convert.keep_original says whether the raw files are kept there "
            "too.",
        )


def check_removals(table: Table) -> Iterator[RowProblem]:
    """The rows whose import would remove what has to stay. Defaults are filled in."""
    if not any(map(removes_sources, set(table.columns["import_transfer"]))):
        return
    for line, fileset, transfer, convert, how in _rows(
        table, "fileset", "transfer", "convert", "import_transfer"
    ):
        if not removes_sources(how):
            continue
        instead = how.removesuffix("_rm")
        if convert:
            yield RowProblem(
                line,
                "import_transfer",
                fileset,
                f"{how} removes the sources, of which OMERO gets only what {convert!r} makes",
                f"Write {instead}.",
            )
        elif transfer in get_args(Transfer) and transfer != "none":
            yield RowProblem(
                line,
                "import_transfer",
                fileset,
                f"{how} would remove the files from the store, where the transfer {transfer} "
                "brings them for good",
                f"Write {instead}; or none as transfer; or mv as transfer, which removes them "
                "where they come from.",
            )


def _check_checksums(table: Table) -> Iterator[RowProblem]:
    for line, fileset, checksum, checksums in _rows(table, "fileset", "checksum", "checksums"):
        if checksum and checksums:
            yield RowProblem(
                line,
                "checksum",
                fileset,
                "the row has both a checksum and a checksums file",
                "Leave one of the two cells empty.",
            )


def _judge(
    table: Table, column: str, judge: Callable[[str], Problem | None]
) -> Iterator[RowProblem]:
    """Asks `judge` once for each value that the column holds."""
    bad = {
        value: problem
        for value in set(table.columns[column])
        if value and (problem := judge(value))
    }
    if bad:
        for line, fileset, value in _rows(table, "fileset", column):
            if value in bad:
                yield RowProblem.of(bad[value], line, column, fileset)


def _check_paths(table: Table) -> Iterator[RowProblem]:
    if all(table.columns["path"]):
        return
    for line, fileset, path in _rows(table, "fileset", "path"):
        if not path:
            cause, remedy = "the cell is empty", "Name the fileset's file or folder."
            yield RowProblem(line, "path", fileset, cause, remedy)


def _check_ids(table: Table) -> Iterator[RowProblem]:
    ids = table.columns["fileset"]
    if all(map(_ID.fullmatch, ids)) and len(set(map(str.lower, ids))) == len(ids):
        return
    first: dict[str, tuple[int, str]] = {}
    for line, fileset in _rows(table, "fileset"):
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


def _control(value: str) -> Problem | None:
    if _CONTROL.search(value):
        return Problem(f"{value!r} holds control characters or a line break", "Retype the text.")
    return None


def _control_in_text(value: str) -> Problem | None:
    if _CONTROL_IN_TEXT.search(value):
        return Problem(f"{value!r} holds control characters", "Retype the text.")
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


def _import_transfer(value: str, config: Config) -> Problem | None:
    problem = text_problem(value)
    if problem is None and is_custom(value):
        return custom_problem(value, config.importing.transfer_folder)
    return problem


def _convert(value: str, config: Config) -> Problem | None:
    if value == NO_CONVERTER:
        return None
    try:
        parse_request(value, config.converters)
    except BadText as error:
        return error.problem
    if config.convert.store is None and config.transfer.store is None:
        return Problem(
            "there is no place for what a converter makes",
            "Set the option convert.store (or transfer.store).",
        )
    return None


def _parsing(parse: Callable[[str], object], value: str) -> Problem | None:
    try:
        parse(value)
    except BadText as error:
        return error.problem
    return None
