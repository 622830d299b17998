"""Filesets and records on disk: one JSON line per fileset, written as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ingest.atomic import write_bytes
from ingest.fast_json import decoded, encoded
from ingest.fileset import Fileset, Record, StageError

T = TypeVar("T")


def read_filesets(path: Path) -> list[Fileset]:
    """The filesets of one batch of the plan, in the manifest's order."""
    return list(_read(path, Fileset.from_json))


def read_records(path: Path) -> dict[str, Record]:
    """The records of one stage and batch by fileset id, in the file's (the plan's) order."""
    return {record.fileset: record for record in _read(path, Record.from_json)}


def _read(path: Path, made_of: Callable[[Any], T]) -> Iterator[T]:
    """What `made_of` makes of each line; StageError when one is torn or was changed by hand."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield made_of(decoded(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise StageError(
                    f"{path} is damaged in line {number}: a disk was full, or it was edited",
                    "Remove it, and run the same command again to rebuild it.",
                ) from None


def write_records(path: Path, records: Iterable[Record]) -> None:
    write_bytes(path, json_lines(records))


def json_lines(items: Iterable[Fileset | Record | Mapping[str, Any]]) -> bytes:
    return b"".join([encoded(item) + b"\n" for item in items])
