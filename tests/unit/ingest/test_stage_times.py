from __future__ import annotations

import xml.etree.ElementTree as ET

from ingest.fileset import Fileset
from ingest.stage_times import StageTimes, plot, span, stage_times
from ingest.summary import Outcome, StageRun
from tests.fixtures.outcomes import failed, imported


def worked(*intervals: tuple[str, float]) -> Outcome:
    runs = tuple(StageRun("import", f"2026-03-{start}+00:00", s, "node1") for start, s in intervals)
    return Outcome(Fileset("a", 2, "/data/a"), "ok", stage_runs=runs)


def test_each_stage_is_counted_where_it_worked() -> None:
    times = {of.stage: of for of in stage_times([imported("a"), failed("b", "transfer")])}
    assert times["transfer"].filesets == 2
    assert times["transfer"].total == 5.0
    assert times["import"].filesets == 1
    assert (times["import"].longest, times["import"].longest_fileset) == (3.5, "a")


def test_overlapping_work_counts_once_and_pauses_not_at_all() -> None:
    of = span([worked(("01T10:00:00", 60), ("01T10:00:30", 60)), worked(("03T09:00:00", 10))])
    assert of is not None
    assert of.worked == 100
    assert (of.start.isoformat(), of.end.isoformat()) == (
        "2026-03-01T10:00:00+00:00",
        "2026-03-03T09:00:10+00:00",
    )


def test_work_within_other_work_adds_nothing() -> None:
    of = span([worked(("01T10:00:00", 60), ("01T10:00:10", 5), ("01T10:00:20", 10))])
    assert of is not None
    assert of.worked == 60


def test_nothing_done_has_no_span() -> None:
    assert span([Outcome(Fileset("a", 2, "/data/a"), "impossible")]) is None


def test_the_plot_is_text_in_the_pages_colours() -> None:
    svg = plot([StageTimes("checksum", 2, 75, 30, 45, "a"), StageTimes("import", 2, 9, 4, 5, "a")])
    root = ET.fromstring(svg)
    text = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert sorted(text) == ["1 min 15 s", "9.0 s", "checksum", "import"]
    assert root.get("role") == "img"
    assert root.get("aria-label") == "Time per stage: checksum 1 min 15 s; import 9.0 s"
    assert svg.count("fill: var(--accent)") == 2
    assert "fill: #" not in svg


def test_the_same_times_make_the_same_plot() -> None:
    times = [StageTimes("import", 2, 9, 4, 5, "a")]
    assert plot(times) == plot(times)
