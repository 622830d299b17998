from __future__ import annotations

from ingest.fileset import Record
from ingest.verdict import LISTED, verdict, verdict_of_records
from tests.fixtures.outcomes import being_imported, failed, found_there, imported

REPORT = "results/report.html"


def test_success_is_one_line() -> None:
    assert verdict([imported("a"), imported("b")], REPORT) == (
        "2 of 2 filesets are in OMERO, verified and annotated. Report: results/report.html"
    )


def test_each_failure_is_told_with_row_stage_cause_and_remedy() -> None:
    bad = failed("plate-07", "checksum", row=9, cause="digests differ", remedy="Copy it again.")
    text = verdict([imported("a"), bad], REPORT)
    assert text.startswith("1 of 2 filesets are in OMERO")
    failures = text[text.index("1 failed:") :]
    for word in ("plate-07", "row 9", "checksum", "digests differ", "Copy it again."):
        assert word in failures


def test_what_was_there_already_is_counted_by_itself() -> None:
    assert verdict([imported("a"), found_there("b"), found_there("c")], REPORT) == (
        "1 of 3 filesets are in OMERO, verified and annotated. 2 were there already and not "
        "imported again. Report: results/report.html"
    )


def test_what_omero_still_works_on_is_no_failure() -> None:
    text = verdict([imported("a"), being_imported("b")], REPORT)
    assert "1 fileset is still being imported by OMERO: run the same command again." in text
    assert "failed" not in text
    both = verdict([being_imported("a"), being_imported("b"), failed("c", "import")], REPORT)
    assert both.startswith("0 of 3 filesets are in OMERO, verified and annotated. 2 filesets are ")
    assert "1 failed:" in both


def test_a_run_without_a_summary_tells_what_is_unfinished() -> None:
    running = Record("a", "import", "unfinished", "still being imported", "Run again.")
    words = "1 fileset is still being imported by OMERO: run the same command again."
    assert verdict_of_records([running]) == words
    bad = Record("b", "import", "error", "OMERO is full", "Empty it.")
    both = verdict_of_records([running, bad])
    assert both.startswith(words)
    assert "1 failed:" in both


def test_only_the_first_failures_are_told_and_the_rest_counted() -> None:
    many = [failed(f"f{n:02d}", "import", cause=f"no {n}") for n in range(LISTED + 5)]
    text = verdict(many, REPORT)
    assert f"f{LISTED - 1:02d}" in text
    assert f"f{LISTED:02d}" not in text
    assert "... and 5 more: imported.csv" in text
    of_records = [Record(f"f{n:02d}", "import", "error", f"no {n}", "") for n in range(LISTED + 5)]
    assert "... and 5 more" in verdict_of_records(of_records)


def test_what_failed_alike_is_told_once() -> None:
    away = [failed(f"f{n:03d}", "import", row=n, cause="OMERO is away") for n in range(400)]
    text = verdict([*away, failed("bad", "convert", row=9, cause="truncated")], REPORT)
    assert text.count("OMERO is away") == 1
    assert "f000 (row 0 of the manifest, import)" in text and "and 397 more filesets" in text
    assert "401 failed:" in text and "bad (row 9 of the manifest, convert)" in text
    assert "imported.csv" not in text


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = verdict([failed("a", "import", cause="\x1b[2Jgone\rhidden \u202e")], REPORT)
    assert "\\x1b[2Jgone\\rhidden \\u202e" in text
    assert not set("\x1b\r\u202e") & set(text)


def test_a_run_without_a_summary_tells_what_failed() -> None:
    bad = Record("plate-07", "import", "error", "OMERO is full", "Empty it.")
    text = verdict_of_records([bad])
    for word in ("1 failed:", "plate-07", "import", "OMERO is full", "Empty it."):
        assert word in text
    assert verdict_of_records([]) == ""
