"""Filesets and records on disk: one JSON line per fileset, written as a whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ingest.atomic import write_text
from ingest.fileset import Fileset, Record


def read_filesets(path: Path) -> list[Fileset]:
    """The filesets of one batch of the plan, in the manifest's order."""
    with path.open(encoding="utf-8") as lines:
        return [Fileset.from_json(json.loads(line)) for line in lines]


def read_records(path: Path) -> dict[str, Record]:
    """The records of one stage and batch by fileset id, in the file's (the plan's) order."""
    with path.open(encoding="utf-8") as lines:
        records = (Record.from_json(json.loads(line)) for line in lines)
        return {record.fileset: record for record in records}


def write_records(path: Path, records: Iterable[Record]) -> None:
    write_text(path, json_lines(records))


def json_lines(items: Iterable[Fileset | Record]) -> str:
    # ASCII JSON, so that file names that are not valid UTF-8 survive as escaped surrogates.
    return "".join(json.dumps(item.to_json()) + "\n" for item in items)
