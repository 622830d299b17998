"""The report's forms over any rows, and 10,000 of them."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.doctor.findings import Finding
from ingest.doctor.rows import Row
from ingest.fileset import Fileset, Problem
from ingest.plan_report.estimate import ASSUMED, work
from ingest.plan_report.page import COLUMNS, Report, page, summary, table
from ingest.plan_report.planned import Planned, State

PROBLEM = Problem("no such group", "Correct the group.")


def planned(fileset: str, state: State = "import", **facts: object) -> Planned:
    of = Fileset(fileset, 2, f"/data/{fileset}.tif", target="Dataset:name:D")
    return Planned(Row(of, (of.path,), 1000), state, **facts)  # type: ignore[arg-type]


def report(*rows: Planned, **facts: object) -> Report:
    plain = Report(
        "manifest.csv", Path("results"), "Plan", rows, work(rows, ASSUMED), (), None, refuses=False
    )
    return replace(plain, **facts)  # type: ignore[arg-type]


def test_what_a_manifest_holds_is_no_html_and_no_formula() -> None:
    evil = "<script>alert(1)</script>"
    row = planned("a", "blocked", problem=Problem(evil, evil), target=f"=cmd|{evil}", user=evil)
    of = report(row)
    assert evil not in page(of) and "&lt;script&gt;alert" in page(of)
    (cells,) = csv.DictReader(io.StringIO(table([row])))
    assert cells["target"].startswith("'=")
    control = planned("b", "blocked", problem=Problem("bad\x1b[2J", "x"))
    assert "\x1b" not in summary(report(control))


def test_page_asks_no_server() -> None:
    text = page(report(planned("a")))
    assert not re.search(r"(src|href)=\"(?!plan_report\.csv)", text)
    assert "default-src 'none'" in text


def test_ten_thousand_rows() -> None:
    stopped = [planned(f"x{n}", "blocked", problem=PROBLEM) for n in range(30)]
    of = report(*[planned(f"a{n}") for n in range(9_970)], *stopped)
    text = page(of)
    assert len(text) < 4_000_000
    assert text.count('<tr data-status="blocked"') == 30  # none of them is left out
    assert "2,000 of 10,000" in text
    assert len(list(csv.reader(io.StringIO(table(of.rows))))) == 10_001
    words = summary(of)
    assert "9,970 of 10,000 filesets would be imported: 9,970 files, 10.0 MB" in words
    assert len(words.splitlines()) < 40
    assert "x0 (row 2), x1 (row 2), x2 (row 2) and 27 more filesets" in words


def test_table_has_a_cell_for_each_column() -> None:
    for line in csv.reader(io.StringIO(table([planned("a"), planned("b", "done", omero=(4, 5))]))):
        assert len(line) == len(COLUMNS)


def test_verdicts() -> None:
    assert report(planned("a")).is_clear
    assert not report(planned("a"), problem=PROBLEM).is_clear
    assert not report(planned("a"), room=(Finding("fix", "space", "full", "Free some."),)).is_clear
    wrong = planned("a", "refused", problem=PROBLEM)
    assert report(wrong, planned("b")).verdict.startswith("1 of 2 filesets would be imported")
    refused = report(wrong, planned("b"), refuses=True).verdict
    assert refused.startswith("Nothing would be imported: 1 row of the manifest")


@pytest.mark.parametrize("problem", [None, PROBLEM])
def test_nothing_to_do(problem: Problem | None) -> None:
    of = report(planned("a", "done", omero=(7,), found_by="journal"), problem=problem)
    assert "0 of 1 fileset would be imported" in summary(of)
    assert "Fileset 7" in page(of)


def test_targets_and_accounts_are_counted() -> None:
    of = report(
        planned("a", target="Dataset:name:D", target_is="will be made", user="ada", group="lab"),
        planned("b", target="Dataset:name:D", target_is="will be made", user="ada", group="lab"),
        planned("c", target="Dataset:3", target_is="Dataset 3"),
    )
    assert of.targets[0] == ("Dataset:name:D", "will be made", 2)
    words = summary(of)
    assert "1 there, 1 will be made: Dataset:name:D" in words
    assert "ada in lab: 2 filesets" in words
