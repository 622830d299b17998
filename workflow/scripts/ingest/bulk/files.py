"""A bulk file with all that it includes, and the list of paths that it names.

Resolved as the official client does (omero-py, plugins/import.py, `bulk_import`): an `include` is
relative to the file that has it, what includes wins over what is included, and `path`, like every
path in the list, is relative to the folder of the bulk file that was named first.
"""

from __future__ import annotations

import csv
import gzip
import io
import shlex
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ingest import manifest_file
from ingest.manifest_problems import ManifestError, RowProblem

SUFFIXES = (".yml", ".yaml", ".json")
LIST_SUFFIXES = (".tsv", ".tsv.gz")

_LARGEST = 1_000_000  # bytes; real ones have some hundreds


@dataclass(frozen=True)
class Bulk:
    """`options`: every key but `include`, `path` and `columns`. `list`: the file of paths;
    `columns`: what its cells are, or none when each line is a path. `files`: all that was read."""

    options: Mapping[str, Any]
    list: Path
    columns: Sequence[str]
    files: Sequence[Path]


def read_bulk(path: Path) -> Bulk:
    """The bulk file at `path`. Raises ManifestError when it, or one that it includes, is none."""
    chain: list[tuple[Path, dict[str, Any]]] = []
    following: Path | None = path
    while following is not None:
        if following in [file for file, _ in chain]:
            raise _refused(path, f"{following} includes itself", "Remove that include.")
        content = _content(path, following)
        chain.append((following, content))
        include = content.pop("include", None)
        if include is not None and not isinstance(include, str):
            raise _refused(
                path, f"include: {include!r} is not a file's name", "Write a file's name."
            )
        following = (following.parent / include).absolute() if include else None
    options: dict[str, Any] = {}
    for _, content in reversed(chain):
        options |= content
    listed = options.pop("path", None)
    if not isinstance(listed, str) or not listed:
        raise _refused(path, "it has no path", "Write path: and the file that lists the paths.")
    columns = options.pop("columns", None) or ()
    if not isinstance(columns, list | tuple) or not all(isinstance(each, str) for each in columns):
        raise _refused(path, "columns is not a list of names", "Write columns: [target, path].")
    if columns and "path" not in columns:
        raise _refused(path, "no column is the path", "Name one of the columns path.")
    list_file = _there(path.parent / listed)
    return Bulk(options, list_file, columns, [*(file for file, _ in chain), list_file])


def is_bulk(manifest: Path) -> bool:
    return manifest.name.lower().endswith((*SUFFIXES, *LIST_SUFFIXES))


def files_of(manifest: Path) -> list[Path]:
    """All the files that say what is to be imported. Raises ManifestError as `read_bulk` does."""
    return list(read_bulk(manifest).files) if manifest.suffix.lower() in SUFFIXES else [manifest]


def cells_of(
    manifest: Path, listed: Path, columns: Sequence[str]
) -> Iterator[tuple[int, list[str]]]:
    """The lines of a list of paths that are not empty, each with its number and its cells.

    Raises ManifestError when it cannot be read.
    """
    text = _text(manifest, listed)
    name = listed.name.removesuffix(".gz")
    if columns and name.endswith((".tsv", ".csv")):
        delimiter = "\t" if name.endswith(".tsv") else ","
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        line = 1
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            cause = f"{listed.name}, line {line} cannot be read ({error})"
            raise _refused(manifest, cause, "Check its quotes.") from None
        return
    for line, content in enumerate(text.splitlines(), 1):
        if content.strip():
            yield line, _words(manifest, listed, line, content) if columns else [content.strip()]


def _words(manifest: Path, listed: Path, line: int, content: str) -> list[str]:
    try:
        return shlex.split(content)
    except ValueError as error:
        cause = f"{listed.name}, line {line} cannot be read as words ({error})"
        raise _refused(manifest, cause, "Put quotes around paths with spaces or quotes.") from None


def _content(manifest: Path, path: Path) -> dict[str, Any]:
    text = _text(manifest, path)
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise _refused(manifest, f"{path} is not YAML: {reason}", "Fix it there.") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise _refused(
            manifest,
            f"{path} does not contain a list of options",
            "Write a bulk file: lines like path: list",
        )
    return content


def _text(manifest: Path, path: Path) -> str:
    try:
        path.stat()
        found = manifest_file.content(path)
        if path.suffix.lower() in SUFFIXES and len(found) > _LARGEST:
            raise _refused(manifest, f"{path} is too large for a bulk file", "Is it one?")
        if path.suffix == ".gz":
            with gzip.open(io.BytesIO(found)) as packed:
                found = packed.read(manifest_file.LARGEST + 1)
            if len(found) > manifest_file.LARGEST:
                raise _refused(manifest, f"{path} is too large for a list of paths", "Is it one?")
        return found.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(manifest, f"{path} is not in UTF-8", "Save it as UTF-8.") from None
    except ManifestError as error:
        if error.manifest == manifest:
            raise
        [problem] = error.problems
        raise _refused(manifest, f"{path}: {problem.cause}", problem.remedy) from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(
            manifest, f"{path} cannot be read ({reason})", "Correct its name, or fix what is there."
        ) from None


def _there(path: Path) -> Path:
    """IDR keeps long lists compressed, under names that its bulk files do not tell."""
    packed = path.with_name(path.name + ".gz")
    return packed if packed.exists() and not path.exists() else path


def _refused(manifest: Path, cause: str, remedy: str) -> ManifestError:
    return ManifestError(manifest, [RowProblem(0, "", "", cause, remedy)])
