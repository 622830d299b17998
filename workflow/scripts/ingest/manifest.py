"""The manifest: a CSV with one row per fileset, to Filesets, or to all of its problems at once.

docs/manifest.md is its reference. Only cheap checks are made here (texts, `stat`, `access`);
whatever needs a file opened is a stage's work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ingest.config import Config, ConfigError
from ingest.conversion.options import NO_CONVERTER
from ingest.expected_checksum import parse_checksum
from ingest.fileset import DEFAULTS, Fileset, Problem
from ingest.forked import in_copies
from ingest.import_options import PARSERS, parsed
from ingest.import_transfers import custom_problem, is_custom
from ingest.journal import JOURNAL, Journal
from ingest.manifest_cells import check_cells, check_removals, usable_id
from ingest.manifest_columns import COMMENT, KEY_VALUE
from ingest.manifest_problems import ManifestError, RowProblem, shortened
from ingest.manifest_sources import Seen, SourceChecks, SourceRow
from ingest.manifest_table import Columns, Table, read_table

__all__ = ["Manifest", "ManifestError", "RowProblem", "read_manifest"]

_DEFAULTED = (
    "target", "user", "group", "name", "description", "transfer", "import_transfer", "convert"
)  # fmt: skip


@dataclass(frozen=True)
class Manifest:
    """`values` of the rows in the manifest's order, defaults filled in, as Fileset.from_json takes
    them: without what is as by default, which is most; the `problems` of those that carry one, by
    row; about how many bytes each row names, and where they really lie, by row, where that is
    known; what a bulk file asks for in vain, and whether it asks for a dry run."""

    values: list[dict[str, Any]]
    problems: list[RowProblem]
    sizes: Mapping[int, int]
    places: Mapping[int, str]
    remarks: Sequence[str] = ()
    dry_run: bool = False

    @cached_property
    def rows(self) -> list[Fileset]:
        return [Fileset.from_json(values) for values in self.values]


def read_manifest(config: Config, root: Path = Path()) -> Manifest:
    """The rows of the configured manifest; relative paths of the configuration start at `root`.

    Raises ConfigError when the import transfer that empty cells mean cannot be used, and
    ManifestError with every problem when the manifest is no table of the columns it needs,
    or when a row is wrong and `invalid_rows` is "refuse". With "skip" such a row becomes a Fileset
    with a `problem` and its cells as they are; it is named row-<line> when its own id is missing,
    unusable or taken.
    """
    _check_default_transfer(config)
    path = root / config.manifest
    table = read_table(path)
    problems = [*table.ragged, *check_cells(table, config)]

    table = replace(table, columns=_with_defaults(table.columns, config))
    problems += check_removals(table)
    # What is empty or holds control characters has been refused and cannot be looked for.
    names = ("path", "files", "checksums")
    unusable = {problem.row for problem in problems if problem.column in names}
    sources = SourceChecks(
        str(path.absolute().parent),
        [root / allowed for allowed in config.allowed_roots],
        root / config.transfer.store if config.transfer.store else None,
        Journal(root / config.results / JOURNAL),
        [path, root / config.results],
    )

    def look(positions: Sequence[int]) -> Seen:
        rows = _source_rows(
            table, sources, [at for at in positions if table.lines[at] not in unusable]
        )
        return sources.look_at(rows)

    with in_copies(look, range(len(table.lines))) as looks:
        paths = [
            path if line in unusable else sources.absolute(path)
            for line, path in zip(table.lines, table.columns["path"], strict=True)
        ]
        rows = _values(table, paths, problems, sources, config)
        seen = Seen.together(looks())

    problems = sorted([*problems, *seen.problems], key=lambda problem: problem.row)
    if table.problems or (problems and config.invalid_rows == "refuse"):
        raise ManifestError(path, [*table.problems, *problems])
    _add_problems(rows, problems)
    return Manifest(rows, problems, seen.sizes, seen.places, table.remarks, table.dry_run)


def _check_default_transfer(config: Config) -> None:
    transfer = config.defaults.import_transfer
    if is_custom(transfer):
        problem = custom_problem(transfer, config.importing.transfer_folder)
        if problem:
            raise ConfigError([f"defaults.import_transfer: {problem.cause}. {problem.remedy}"])


def _with_defaults(columns: Columns, config: Config) -> Columns:
    options = config.importing
    defaults = {
        **{column: getattr(config.defaults, column) for column in _DEFAULTED},
        "checksum_algorithm": config.checksum.algorithm,
        "thumbnails": "yes" if options.thumbnails else "no",
        "minmax": "yes" if options.minmax else "no",
        "pixel_size": options.pixel_size,
        "annotations": ";".join(map(str, options.annotations)),
        "exclude": ";".join(options.exclude),
    }
    filled = {
        column: [cell or default for cell in columns[column]]
        if any(columns[column])
        else [default] * len(columns[column])
        for column, default in defaults.items()
    }
    filled["convert"] = ["" if cell == NO_CONVERTER else cell for cell in filled["convert"]]
    # A converter writes to the store itself.
    filled["transfer"] = [
        "none" if convert else transfer
        for transfer, convert in zip(filled["transfer"], filled["convert"], strict=True)
    ]
    return {**columns, **filled}


def _source_rows(
    table: Table, sources: SourceChecks, positions: Sequence[int]
) -> Iterator[SourceRow]:
    def cells(column: str) -> Iterator[str]:
        return map(table.columns[column].__getitem__, positions)

    others = ("fileset", "transfer", "import_transfer", "checksum", "checksums")
    return map(
        SourceRow,
        map(table.lines.__getitem__, positions),
        map(sources.absolute, cells("path")),
        map(_split, cells("files")),
        *map(cells, others),
    )


def _split(cell: str) -> tuple[str, ...]:
    """The entries of a `;`-separated cell, each once."""
    if ";" not in cell:
        return (cell,) if cell else ()
    return tuple(dict.fromkeys(entry.strip() for entry in cell.split(";") if entry.strip()))


def _values(
    table: Table,
    paths: Sequence[str],
    problems: Sequence[RowProblem],
    sources: SourceChecks,
    config: Config,
) -> list[dict[str, Any]]:
    """Each row as JSON for a Fileset; what has one of the `problems` is left as it is. (A hundred
    thousand Filesets would take as long to make and write as all else that is done to a
    manifest.)"""
    wrong = {problem.row for problem in problems}
    nameless = {problem.row for problem in problems if problem.column == "fileset"}
    taken = {
        fileset.lower()
        for line, fileset in zip(table.lines, table.columns["fileset"], strict=True)
        if line not in nameless
    }
    rows: list[dict[str, Any]] = [
        {"id": _free_id(line, taken) if line in nameless else fileset, "row": line, "path": path}
        for line, fileset, path in zip(table.lines, table.columns["fileset"], paths, strict=True)
    ]
    for name, values in _fields(table, wrong, sources, config).items():
        default = DEFAULTS[name]
        if values.count(default) < len(values):  # most fields are as by default in all rows
            for row, value in zip(rows, values, strict=True):
                if value != default:
                    row[name] = value
    _add_options(rows, table, wrong)
    for found in table.ragged:
        identity = found.fileset
        if not usable_id(identity) or identity.lower() in taken:
            identity = _free_id(found.row, taken)
        taken.add(identity.lower())
        rows.append({"id": identity, "row": found.row, "path": ""})
    return sorted(rows, key=lambda row: row["row"]) if table.ragged else rows


def _add_problems(rows: Sequence[dict[str, Any]], problems: Sequence[RowProblem]) -> None:
    problem_of = _joined(problems)
    for row in rows if problem_of else ():
        if row["row"] in problem_of:
            row["problem"] = problem_of[row["row"]].to_json()


def _fields(
    table: Table,
    wrong: Container[int],
    sources: SourceChecks,
    config: Config,
) -> dict[str, Sequence[Any]]:
    """Of each field of a Fileset that the cells give as they are, or nearly so, its values row by
    row."""
    columns = table.columns

    def right(column: str, value: Callable[[str], str]) -> Sequence[str]:
        """Its cells, those of the rows that are not wrong as `value` gives them."""
        if not any(columns[column]):
            return columns[column]
        return [
            cell if not cell or line in wrong else value(cell)
            for line, cell in zip(table.lines, columns[column], strict=True)
        ]

    tags = {cell: _split(cell) or config.defaults.tags for cell in set(columns["tags"])}
    return {
        "files": [_split(cell) for cell in columns["files"]],
        **{name: columns[name] for name in _DEFAULTED},
        "checksum": right("checksum", lambda cell: ":".join(parse_checksum(cell))),
        "checksums": right("checksums", sources.absolute),
        "tags": [tags[cell] for cell in columns["tags"]],
        "key_values": _named(columns, KEY_VALUE),
        "comments": _named({COMMENT: columns["comment"], **columns}, COMMENT),
    }


def _named(columns: Columns, prefix: str) -> Sequence[tuple[tuple[str, str], ...]]:
    """What a family of columns holds row by row, each cell under the name it is given with; nothing
    of empty cells."""
    names = [name for name, cells in columns.items() if name.startswith(prefix) and any(cells)]
    if not names:
        return [()] * len(columns["fileset"])
    keys = [name.removeprefix(prefix) for name in names]
    return [
        tuple([(key, cell) for key, cell in zip(keys, cells, strict=True) if cell])
        for cells in zip(*(columns[name] for name in names), strict=True)
    ]


def _add_options(rows: Sequence[dict[str, Any]], table: Table, wrong: Container[int]) -> None:
    """Adds to each row the options of its import that are not a Fileset's defaults."""
    known: dict[tuple[str, ...], Mapping[str, Any]] = {}
    options_of = zip(*(table.columns[name] for name in PARSERS), strict=True)
    for row, texts in zip(rows, options_of, strict=True):
        if row["row"] in wrong:
            continue
        if texts not in known:
            options = parsed(*texts).items()
            known[texts] = {name: each for name, each in options if each != DEFAULTS[name]}
        row |= known[texts]


def _joined(problems: Sequence[RowProblem]) -> Mapping[int, Problem]:
    """All problems of a row as one."""
    by_row: dict[int, list[RowProblem]] = defaultdict(list)
    for problem in problems:
        by_row[problem.row].append(problem)
    return {
        row: Problem(
            "; ".join(
                f"{found.column}: {shortened(found.cause)}"
                if found.column
                else shortened(found.cause)
                for found in several
            ),
            " ".join(dict.fromkeys(shortened(found.remedy) for found in several)),
        )
        for row, several in by_row.items()
    }


def _free_id(line: int, taken: set[str]) -> str:
    identity, number = f"row-{line}", 1
    while identity in taken:
        number += 1
        identity = f"row-{line}-{number}"
    taken.add(identity)
    return identity
