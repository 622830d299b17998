"""Records on disk: one JSON line per fileset, written as a whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ingest.atomic import write_text
from ingest.fileset import Record


def read_records(path: Path) -> dict[str, Record]:
    """The records of one stage and batch by fileset id, in the file's (the plan's) order."""
    with path.open(encoding="utf-8") as lines:
        records = (Record.from_json(json.loads(line)) for line in lines)
        return {record.fileset: record for record in records}


def write_records(path: Path, records: Iterable[Record]) -> None:
    # ASCII JSON, so that file names that are not valid UTF-8 survive as escaped surrogates.
    write_text(path, "".join(json.dumps(record.to_json()) + "\n" for record in records))
