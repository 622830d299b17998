"""The report's three forms: a table for programs, a page and a summary for people."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest.csv_text import csv_text
from ingest.doctor.findings import Finding
from ingest.doctor.table import WIDTH
from ingest.fileset import Problem
from ingest.plan_report.estimate import Work
from ingest.plan_report.omero_side import NEW, PER_FILESET
from ingest.plan_report.planned import BY_PATH, WORDS, Planned, State
from ingest.report import FAILURES_TOLD, ROWS, filled
from ingest.words import counted, duration, printable, size, some

LISTED = 20  # of what stands in the way, in the summary

COLUMNS = (
    "fileset", "row", "plan", "cause", "remedy", "path", "files", "bytes", "digests", "convert",
    "transfer", "import_transfer", "bytes_to_store", "bytes_to_omero", "target", "target_is",
    "user", "group", "omero_filesets", "found_by",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """All that is shown. `room` is doctor on space, `problem` says why OMERO was not asked."""

    manifest: str
    results: Path
    title: str
    rows: Sequence[Planned]
    works: Sequence[Work]
    room: Sequence[Finding]
    problem: Problem | None
    refuses: bool  # a wrong row keeps all rows from being imported

    @property
    def stopped(self) -> list[Planned]:
        return [row for row in self.rows if row.is_stopped]

    @property
    def obstacles(self) -> list[tuple[Problem, list[Planned]]]:
        """What stands in the way, each with its rows, those of most rows first."""
        rows: dict[Problem, list[Planned]] = {}
        for row in self.stopped:
            assert row.problem is not None
            rows.setdefault(row.problem, []).append(row)
        return sorted(rows.items(), key=lambda each: -len(each[1]))

    @property
    def going_in(self) -> list[Planned]:
        return [row for row in self.rows if row.goes_in]

    @property
    def states(self) -> Counter[State]:
        return Counter(row.state for row in self.rows)

    @property
    def again(self) -> int:
        """How many would be imported although OMERO has their files."""
        return sum(row.goes_in and row.found_by == BY_PATH for row in self.rows)

    @property
    def is_clear(self) -> bool:
        """Whether nothing is known that would make a filesets's import, or the run, fail."""
        return not (self.stopped or self.problem or any(f.status == "fix" for f in self.room))

    @property
    def verdict(self) -> str:
        number, total = len(self.going_in), len(self.rows)
        if self.refuses and self.states["refused"]:
            return (
                f"Nothing would be imported: {counted(self.states['refused'], 'row')} of the "
                "manifest must be corrected first (or skipped: invalid_rows: skip)."
            )
        would = f"{number:,} of {counted(total, 'fileset')} would be imported"
        return f"{would}: {counted(self.files, 'file')}, {size(self.bytes)}."

    @property
    def files(self) -> int:
        return sum(len(row.row.files) for row in self.going_in)

    @property
    def bytes(self) -> int:
        return sum(row.row.size for row in self.going_in)

    @property
    def stored(self) -> int:
        return sum(row.stored for row in self.rows)

    @property
    def uploaded(self) -> int:
        return sum(row.uploaded for row in self.rows)

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.works)

    @property
    def targets(self) -> list[tuple[str, str, int]]:
        """(target, whether it is there, filesets that go there)."""
        seen = Counter(
            (row.target or "none", row.target_is or "not known") for row in self.going_in
        )
        return [(*target, number) for target, number in seen.most_common()]

    @property
    def accounts(self) -> list[tuple[str, str, int]]:
        """(user, group, filesets), "" being the login's own while OMERO has not been asked."""
        seen = Counter((row.user, row.group) for row in self.going_in)
        return [(*account, number) for account, number in seen.most_common()]

    @property
    def converters(self) -> list[tuple[str, int]]:
        return Counter(
            row.row.converter for row in self.going_in if row.fileset.convert
        ).most_common()


def table(rows: Sequence[Planned]) -> str:
    """results/plan_report.csv."""
    return csv_text(COLUMNS, map(_cells, rows))


def _cells(planned: Planned) -> tuple[object, ...]:
    fileset, problem = planned.fileset, planned.problem
    return (
        fileset.id,
        fileset.row,
        planned.state,
        problem.cause if problem else "",
        problem.remedy if problem else "",
        fileset.path,
        len(planned.row.files),
        planned.row.size,
        planned.digests,
        fileset.convert,
        fileset.transfer,
        fileset.import_transfer,
        planned.stored,
        planned.uploaded,
        planned.target,
        planned.target_is,
        planned.user,
        planned.group,
        planned.omero,
        planned.found_by,
    )


def page(report: Report) -> str:
    """results/plan_report.html: one file that asks no server for anything."""
    rows = report.rows
    if len(rows) > ROWS:
        rows = sorted(rows, key=lambda row: (not row.is_stopped, not row.goes_in))[:ROWS]
    return filled(
        "plan_report.html.j2",
        report=report,
        shown=rows,
        words=WORDS,
        obstacles=report.obstacles[:FAILURES_TOLD],
        now=datetime.now(UTC),
    )


def summary(report: Report) -> str:
    """results/plan_report.txt."""
    lines = [f"{report.verdict} (Nothing was changed.)", ""]
    for state, words in WORDS.items():
        if report.states[state]:
            lines.append(f"  {report.states[state]:>9,}  {words}")
    if report.again:
        lines += [
            "",
            f"{report.again:,} of them a second time: OMERO has a fileset of the same path. Write",
            "clientpath in their column exclude (or in import.exclude) to have them left alone.",
        ]
    if report.problem:
        lines += [
            "",
            f"OMERO was not asked: {report.problem.cause}",
            f"  -> {report.problem.remedy}",
        ]
    lines += ["", *_wrapped(_facts(report))]
    stopped = report.stopped
    if stopped:
        lines += ["", f"{len(stopped):,} cannot be imported:", ""]
        for problem, rows in report.obstacles[:LISTED]:
            names = [f"{row.fileset.id} (row {row.fileset.row})" for row in rows]
            lines += [
                f"  {some(names, 'filesets')}",
                f"    cause:  {problem.cause}",
                f"    remedy: {problem.remedy}",
            ]
        if len(report.obstacles) > LISTED:
            more = len(report.obstacles) - LISTED
            lines.append(f"  ... and {more:,} more causes: plan_report.csv has them all.")
    where = report.results
    lines += ["", f"{where}/plan_report.html shows all rows, {where}/plan_report.csv has them."]
    return "\n".join(map(printable, lines)) + "\n"


def _wrapped(lines: Sequence[str]) -> list[str]:
    """Each line after its heading, the rest of a long one below it."""
    return [
        piece
        for line in lines
        for piece in textwrap.wrap(
            line, WIDTH, subsequent_indent=" " * 12, break_long_words=False, break_on_hyphens=False
        )
    ]


def _facts(report: Report) -> list[str]:
    lines = []
    made = [target for target, state, _ in report.targets if state.startswith(NEW)]
    each = [target for target, state, _ in report.targets if state == PER_FILESET]
    there = [target for target, state, _ in report.targets if state[-1:].isdigit()]
    if made or each or there:
        text = f"{len(there)} there, {len(made)} will be made"
        text += f": {some(made, 'targets')}" if made else ""
        text += f"; a new one for each fileset: {some(each, 'targets')}" if each else ""
        lines.append(f"Targets     {text}")
    for user, group, number in report.accounts[:10]:
        whose = f"{user or 'the login'} in {group or 'its default group'}"
        lines.append(f"Account     {whose}: {counted(number, 'fileset')}")
    for name, number in report.converters:
        lines.append(f"Converter   {name}: {counted(number, 'fileset')}")
    if report.going_in:
        lines.append(
            f"Space       {size(report.stored)} in the store, {size(report.uploaded)} in OMERO's "
            "repository (a conversion is assumed to be as large as its source)"
        )
    lines += [f"            {f.status}: {f.finding}" for f in report.room]
    if report.works:
        lines.append(
            f"Time        about {duration(report.seconds)} of work, one fileset after another "
            "(a run works on several at once)"
        )
        lines += [
            f"            {each.stage} {duration(each.seconds)}: {each.basis}"
            for each in report.works
        ]
    return lines
