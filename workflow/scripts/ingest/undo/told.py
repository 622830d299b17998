"""What a tool says: its words, a table and JSON in the results folder, written whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ingest import tool_words
from ingest.atomic import write_text
from ingest.csv_text import csv_text
from ingest.tool_words import write_words

LISTED = 20  # on the terminal; the table has them all


def write(
    results: Path,
    tool: str,
    lines: Iterable[str],
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    facts: Mapping[str, Any],
) -> None:
    """Writes <results>/<tool>.json, .csv, and .txt last: it is what the terminal shows."""
    table = csv_text(columns, ([row[column] for column in columns] for row in rows))
    write_text(results / f"{tool}.csv", table)
    write_words(results, tool, "\n".join(lines), {**facts, "rows": list(rows)})


def command(tool: str, options: Mapping[str, Any]) -> str:
    """The command that runs a tool with these options, on the configuration in use."""
    text = yaml.safe_dump(
        dict(options), default_flow_style=True, width=float("inf"), sort_keys=False
    )
    return "  " + tool_words.command(tool, config={tool: text.strip()})


def examples(heading: str, sentences: Sequence[str]) -> list[str]:
    """The first of them under a heading; nothing when there are none."""
    if not sentences:
        return []
    more = len(sentences) - LISTED
    end = [f"    ... and {more} more: the table has them all."] if more > 0 else []
    return ["", f"  {heading}:", *(f"    {each}" for each in sentences[:LISTED]), *end]
