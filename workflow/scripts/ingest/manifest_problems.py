"""What can be wrong with a manifest, collected and said once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ingest.fileset import Problem
from ingest.words import printable

LONGEST = 600  # characters of a cause: cells may have a hundred thousand
SHOWN = 50  # problems printed at most; a wrong column makes one for every row


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One problem: the manifest's line it is on (0: the manifest as a whole), the column and the
    row's fileset (empty where there is none), what is wrong and what to do."""

    row: int
    column: str
    fileset: str
    cause: str
    remedy: str

    @classmethod
    def of(cls, problem: Problem, row: int, column: str, fileset: str) -> RowProblem:
        return cls(row, column, fileset, problem.cause, problem.remedy)

    def __str__(self) -> str:
        place = [f"row {self.row}"] if self.row else []
        place += [f"column {_name(self.column)}"] if self.column else []
        place += [f"fileset {_name(self.fileset)}"] if self.fileset else []
        where = f"{', '.join(place)}: " if place else ""
        return f"{where}{shortened(self.cause)}. {shortened(self.remedy)}"


def shortened(text: str) -> str:
    """`text` as a person can read it: without its middle when it is long, control characters
    (which steer a terminal) escaped."""
    if len(text) > LONGEST:
        half = LONGEST // 2
        text = f"{text[:half]} ... ({len(text) - 2 * half:,} characters more) ... {text[-half:]}"
    return printable(text)


def _name(text: str) -> str:
    return text if text.isprintable() and len(text) <= 100 else repr(text[:100])


class ManifestError(Exception):
    """The manifest is refused as a whole; `problems` are all its problems, by row."""

    def __init__(self, manifest: Path, problems: Iterable[RowProblem]) -> None:
        self.manifest = manifest
        self.problems = sorted(problems, key=lambda problem: problem.row)
        count = len(self.problems)
        lines = [f"{manifest} has {count} problem{'s' * (count != 1)}; nothing was touched."]
        lines += [f"  {problem}" for problem in self.problems[:SHOWN]]
        if count > SHOWN:
            lines.append(f"  and {count - SHOWN} more.")
        super().__init__("\n".join(lines))
