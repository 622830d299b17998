"""The manifest: a CSV with one row per fileset, to Filesets, or to all of its problems at once.

docs/manifest.md is its reference. Only cheap checks are made here (texts, `stat`, `access`);
whatever needs a file opened is a stage's work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ingest.config import Config, ConfigError
from ingest.conversion.options import NO_CONVERTER
from ingest.expected_checksum import parse_checksum
from ingest.fileset import Fileset, Problem
from ingest.import_options import PARSERS, parsed
from ingest.import_transfers import custom_problem, is_custom
from ingest.journal import JOURNAL, Journal
from ingest.manifest_cells import check_cells, check_removals, usable_id
from ingest.manifest_columns import COMMENT, KEY_VALUE
from ingest.manifest_problems import ManifestError, RowProblem
from ingest.manifest_sources import SourceChecks, SourceRow
from ingest.manifest_table import read_table

__all__ = ["Manifest", "ManifestError", "RowProblem", "read_manifest"]

_DEFAULTED = (
    "target", "user", "group", "name", "description", "transfer", "import_transfer", "convert"
)  # fmt: skip


@dataclass(frozen=True)
class Manifest:
    """`rows` in the manifest's order, defaults filled in; the `problems` of those that carry one,
    by row; about how many bytes each row names, by row, where that is known; what a bulk file asks
    for in vain, and whether it asks for a dry run."""

    rows: list[Fileset]
    problems: list[RowProblem]
    sizes: Mapping[int, int]
    remarks: Sequence[str] = ()
    dry_run: bool = False


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
    problems = [*table.ragged, *check_cells(table.frame, config)]

    frame = _with_defaults(table.frame, config)
    problems += check_removals(frame)
    # What is empty or holds control characters has been refused and cannot be looked for.
    names = ("path", "files", "checksums")
    unusable = {problem.row for problem in problems if problem.column in names}
    sources = SourceChecks(
        str(path.absolute().parent),
        [root / allowed for allowed in config.allowed_roots],
        root / config.transfer.store if config.transfer.store else None,
        Journal(root / config.results / JOURNAL),
    )
    for row in _source_rows(frame):
        if row.line not in unusable:
            sources.check(row)
    sources.check_overlaps()

    problems = sorted([*problems, *sources.problems], key=lambda problem: problem.row)
    if table.problems or (problems and config.invalid_rows == "refuse"):
        raise ManifestError(path, [*table.problems, *problems])
    rows = _filesets(frame, table.ragged, problems, sources, config)
    return Manifest(rows, problems, sources.sizes, table.remarks, table.dry_run)


def _check_default_transfer(config: Config) -> None:
    transfer = config.defaults.import_transfer
    if is_custom(transfer):
        problem = custom_problem(transfer, config.importing.transfer_folder)
        if problem:
            raise ConfigError([f"defaults.import_transfer: {problem.cause}. {problem.remedy}"])


def _with_defaults(frame: pd.DataFrame, config: Config) -> pd.DataFrame:
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
        column: frame[column].mask(frame[column] == "", default)
        for column, default in defaults.items()
    }
    filled["convert"] = filled["convert"].mask(filled["convert"] == NO_CONVERTER, "")
    # A converter writes to the store itself.
    filled["transfer"] = filled["transfer"].mask(filled["convert"] != "", "none")
    return frame.assign(**filled)


def _source_rows(frame: pd.DataFrame) -> list[SourceRow]:
    columns = (
        "fileset", "path", "files", "transfer", "import_transfer", "checksum", "checksums"
    )  # fmt: skip
    return [
        SourceRow(line, fileset, path, _split(files), *others)
        for line, fileset, path, files, *others in zip(
            frame.index.tolist(), *(frame[column].tolist() for column in columns), strict=True
        )
    ]


def _filled(
    cells: Mapping[str, str], columns: Sequence[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    """What the columns hold, each under the name it is given with; nothing of empty cells."""
    return tuple([(name, cells[column]) for column, name in columns if cells[column]])


def _split(cell: str) -> tuple[str, ...]:
    """The entries of a `;`-separated cell, each once."""
    if not cell:
        return ()
    if ";" not in cell:
        return (cell,)
    return tuple(dict.fromkeys(entry.strip() for entry in cell.split(";") if entry.strip()))


def _filesets(
    frame: pd.DataFrame,
    ragged: Sequence[RowProblem],
    problems: Sequence[RowProblem],
    sources: SourceChecks,
    config: Config,
) -> list[Fileset]:
    problem_of = _joined(problems)
    nameless = {problem.row for problem in problems if problem.column == "fileset"}
    taken = {
        fileset.lower()
        for line, fileset in zip(frame.index.tolist(), frame["fileset"].tolist(), strict=True)
        if line not in nameless
    }
    names = frame.columns.tolist()
    keys = [
        (column, column.removeprefix(KEY_VALUE)) for column in names if column.startswith(KEY_VALUE)
    ]
    comments = [("comment", "")] + [
        (column, column.removeprefix(COMMENT)) for column in names if column.startswith(COMMENT)
    ]
    rows = []
    for line, *values in zip(
        frame.index.tolist(), *(frame[name].tolist() for name in names), strict=True
    ):
        cells = dict(zip(names, values, strict=True))
        problem = problem_of.get(line)
        rows.append(
            Fileset(
                id=_free_id(line, taken) if line in nameless else cells["fileset"],
                row=line,
                path=cells["path"] if problem else sources.absolute(cells["path"]),
                files=_split(cells["files"]),
                target=cells["target"],
                user=cells["user"],
                group=cells["group"],
                name=cells["name"],
                description=cells["description"],
                transfer=cells["transfer"],
                import_transfer=cells["import_transfer"],
                convert=cells["convert"],
                checksum=cells["checksum"] if problem else _canonical(cells["checksum"]),
                checksums=_absolute_if(cells["checksums"], sources, problem),
                tags=_split(cells["tags"]) or config.defaults.tags,
                key_values=_filled(cells, keys),
                comments=_filled(cells, comments),
                problem=problem,
                **({} if problem else parsed(*(cells[name] for name in PARSERS))),
            )
        )
    for found in ragged:
        identity = found.fileset
        if not usable_id(identity) or identity.lower() in taken:
            identity = _free_id(found.row, taken)
        taken.add(identity.lower())
        rows.append(Fileset(identity, found.row, "", problem=problem_of[found.row]))
    return sorted(rows, key=lambda row: row.row)


def _joined(problems: Sequence[RowProblem]) -> Mapping[int, Problem]:
    """All problems of a row as one."""
    by_row: dict[int, list[RowProblem]] = defaultdict(list)
    for problem in problems:
        by_row[problem.row].append(problem)
    return {
        row: Problem(
            "; ".join(
                f"{found.column}: {found.cause}" if found.column else found.cause
                for found in several
            ),
            " ".join(dict.fromkeys(found.remedy for found in several)),
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


def _canonical(checksum: str) -> str:
    """A checksum's cell with the algorithm's own name and the digest as it is computed here."""
    return ":".join(parse_checksum(checksum)) if checksum else ""


def _absolute_if(path: str, sources: SourceChecks, problem: Problem | None) -> str:
    return path if problem or not path else sources.absolute(path)
