"""What can be wrong with a manifest, collected and said once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ingest.fileset import Problem

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
        place += (
            [f"column {self.column if self.column.isprintable() else repr(self.column)}"]
            if self.column
            else []
        )
        place += [f"fileset {self.fileset}"] if self.fileset else []
        return f"{', '.join(place) + ': ' if place else ''}{self.cause}. {self.remedy}"


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
