"""A bulk file, or a list of files as IDR writes it, as the rows of a manifest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.bulk.files import SUFFIXES, cells_of, read_bulk
from ingest.bulk.keys import check_columns, is_meaningless, meaning, row_cells
from ingest.fileset import BadText
from ingest.manifest_problems import ManifestError, RowProblem

_TARGETS = ("Project:", "Dataset:", "Screen:")
_UNUSABLE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 60


@dataclass(frozen=True)
class BulkRows:
    """`rows` as a manifest's: the header first, each with its line in the list of paths.

    `warnings` name what is of no use here. With `dry_run` nothing is to be imported.
    """

    rows: list[tuple[int, list[str]]]
    warnings: Sequence[str] = ()
    dry_run: bool = False


def bulk_rows(manifest: Path) -> BulkRows:
    """What `manifest`, a bulk file or a list of files, wants imported.

    A row's fileset is named after its path and nothing else, so that lines can be added, moved
    and renamed without importing anything again. Raises ManifestError.
    """
    if manifest.suffix.lower() not in SUFFIXES:
        return BulkRows(_table(manifest, manifest, _columns_of_list(manifest), {}))
    bulk = read_bulk(manifest)
    with _refusing(manifest):
        means = meaning(bulk.options)
        check_columns(bulk.columns)
    warnings = [
        *means.warnings,
        *(f"the column {name} has no effect here" for name in bulk.columns if is_meaningless(name)),
    ]
    rows = _table(manifest, bulk.list, bulk.columns or ("path",), means.cells, bool(bulk.columns))
    return BulkRows(rows, warnings, means.dry_run)


def job_options(manifest: Path) -> Mapping[str, Any]:
    """What `manifest`, a bulk file, says of the section import. Raises ManifestError."""
    if manifest.suffix.lower() not in SUFFIXES:
        return {}
    with _refusing(manifest):
        return meaning(read_bulk(manifest).options).importing


@contextmanager
def _refusing(manifest: Path) -> Iterator[None]:
    try:
        yield
    except BadText as error:
        raise ManifestError(manifest, [RowProblem.of(error.problem, 0, "", "")]) from None


def _table(
    manifest: Path,
    listed: Path,
    columns: Sequence[str],
    everywhere: Mapping[str, str],
    has_columns: bool = True,
) -> list[tuple[int, list[str]]]:
    rows: list[tuple[int, dict[str, str]]] = []
    problems: list[RowProblem] = []
    used = [(at, name) for at, name in enumerate(columns) if not is_meaningless(name)]
    for line, cells in cells_of(manifest, listed, columns if has_columns else ()):
        if len(cells) < len(columns):
            cause = f"the line has {len(cells)} cells, not {len(columns)}: {', '.join(columns)}"
            problems.append(RowProblem(line, "", "", cause, f"Correct it in {listed}."))
            continue
        try:
            own = row_cells({name: cells[at] for at, name in used})
        except BadText as error:
            problems.append(RowProblem.of(error.problem, line, "", ""))
            continue
        # An empty cell is an option that is not given: the bulk file's own holds.
        row = {**everywhere, **{name: cell for name, cell in own.items() if cell.strip()}}
        rows.append((line, {"fileset": _identity(row.get("path", "")), **row}))
    if problems:
        raise ManifestError(manifest, problems)
    names = list(dict.fromkeys(["fileset", "path", *(name for _, row in rows for name in row)]))
    return [(0, names), *((line, [row.get(name, "") for name in names]) for line, row in rows)]


def _identity(path: str) -> str:
    """A usable name for the fileset at `path`: readable, and different for different paths."""
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    name = _UNUSABLE.sub("-", Path(path).name).strip("-.")[:_LONGEST_NAME]
    return f"{name}-{digest}" if name else f"row-{digest}"


def _columns_of_list(manifest: Path) -> Sequence[str]:
    """What IDR's lists hold, which have no header: `path`, `name path` (plates.tsv), `target path`
    or `target path name` (filePaths.tsv), path and name in either order."""
    _, first = next(iter(cells_of(manifest, manifest, ("path",))), (0, ["", ""]))
    if len(first) == 1:
        return ("path",)
    is_target = first[0].startswith(_TARGETS)
    if len(first) == 2 and is_target:
        return ("target", "path")
    if len(first) == 2:
        return ("path", "name") if "/" in first[0] and "/" not in first[1] else ("name", "path")
    if len(first) == 3 and is_target:
        return ("target", "path", "name") if "/" in first[1] else ("target", "name", "path")
    cause = f"its first line has {len(first)} cells, as no list of IDR's has"
    remedy = "Write a bulk file that names it as path, and its columns."
    raise ManifestError(manifest, [RowProblem(1, "", "", cause, remedy)])
