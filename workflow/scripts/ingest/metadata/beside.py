"""Tables of metadata that lie in the folders of filesets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ingest.fileset import StageError
from ingest.metadata.columns import key_values
from ingest.metadata.reading import read_lines
from ingest.records import read_filesets

Pairs = Sequence[tuple[str, str]]


def table_beside(path: str, name: str) -> Path:
    """Where the table of a fileset with this path would be."""
    return (Path(path) if Path(path).is_dir() else Path(path).parent) / name


def read_beside(table: Path) -> tuple[Pairs, str]:
    """What a table says, or why it cannot be read; nothing where there is none."""
    try:
        return (key_values(read_lines(table)) if table.is_file() else ()), ""
    except StageError as error:
        return (), f"{error.cause}. {error.remedy}"


def tables_beside(results: Path, batches: Iterable[str], name: str) -> list[str]:
    """The tables that lie beside the filesets of a plan."""
    if not name:
        return []
    tables = {
        table_beside(fileset.path, name)
        for batch in batches
        for fileset in read_filesets(results / "plan" / f"{batch}.jsonl")
    }
    return sorted(str(table) for table in tables if table.is_file())
