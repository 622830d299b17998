"""What became of the rows of each table: results/metadata.csv, and words for the end of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest.atomic import write_text
from ingest.csv_text import csv_text
from ingest.metadata.matching import Match

WORDS = "metadata.txt"
LISTED = 20  # rows in words; the table has all of them


@dataclass
class Outcome:
    """`matches` by table; how many filesets have a table beside them, of how many; how many lack a
    recommended field, by field; what else went wrong, like tables that cannot be read."""

    matches: dict[Path, Sequence[Match]] = field(default_factory=dict)
    beside: int = 0
    filesets: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def write_report(results: Path, outcome: Outcome) -> None:
    write_text(results / "metadata.csv", _table(outcome.matches))
    write_text(results / WORDS, words(outcome, results / "metadata.csv"))


def words(outcome: Outcome, table: Path) -> str:
    said = []
    for path, matches in outcome.matches.items():
        bad = [match for match in matches if match.problem]
        said.append(f"metadata: {len(matches) - len(bad)} of {len(matches)} rows of {path} are on "
                    "what they describe.")  # fmt: skip
        said += [f"  line {match.row.line}: {match.problem}" for match in bad[:LISTED]]
        if len(bad) > LISTED:
            said.append(f"  and {len(bad) - LISTED} more, listed in {table}")
    said += [f"metadata: {problem}" for problem in outcome.problems[:LISTED]]
    if outcome.problems[LISTED:]:
        said.append(f"  and {len(outcome.problems) - LISTED} more like these")
    if outcome.beside:
        said.append(f"metadata: {outcome.beside} filesets have a table beside them.")
    said += [
        f"metadata: {count} of {outcome.filesets} filesets lack what REMBI recommends as {name}."
        for name, count in outcome.missing.items()
    ]
    return "\n".join(said) + "\n" if said else ""


def _table(matches: Mapping[Path, Sequence[Match]]) -> str:
    return csv_text(
        ("table", "line", "object", "problem"),
        (
            (str(path), match.row.line, [f"{each.kind}:{each.id}" for each in match.objects],
             match.problem)
            for path, of_table in matches.items()
            for match in of_table
        ),
    )  # fmt: skip
