"""The run's progress is the sum of what its jobs noted, whenever and wherever they ran."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from ingest import run_progress
from ingest.progress import (
    JobProgress,
    Progress,
    progress_path,
    tool_noted,
    tool_progress_path,
)
from ingest.run_progress import RunProgress, State, line, tool_line

JOBS = {
    (stage, batch): filesets
    for stage in ("convert", "checksum", "import")
    for batch, filesets in {"b1": 10, "b2": 30}.items()
}


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(run_progress, "time", clock)
    return clock


def note(results: Path, stage: str, batch: str, progress: JobProgress) -> Path:
    path = progress_path(results, stage, batch)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(progress)))
    return path


def test_before_the_first_job(tmp_path: Path) -> None:
    state = RunProgress(tmp_path, JOBS).look()
    assert (state.steps, state.all_steps, state.filesets, state.all_filesets) == (0, 120, 0, 40)
    assert state.seconds_left is None
    assert line(state) == "[------------------------] 0 %  0 of 40 filesets"


def test_filesets_are_done_when_their_last_stage_is(tmp_path: Path) -> None:
    run = RunProgress(tmp_path, JOBS)
    note(tmp_path, "convert", "b1", JobProgress(10, 1, 0, 0, 5.0, True))
    note(tmp_path, "checksum", "b1", JobProgress(10, 0, 500, 500, 5.0, True))
    assert (run.look().steps, run.look().filesets) == (20, 0)
    note(tmp_path, "import", "b1", JobProgress(4, 1, 0, 0, 5.0))
    state = run.look()
    assert (state.steps, state.filesets, state.failed, state.bytes) == (24, 4, 2, 500)


def test_a_job_that_ended_is_read_once_and_counts_for_good(tmp_path: Path) -> None:
    run = RunProgress(tmp_path, JOBS)
    ended = note(tmp_path, "convert", "b1", JobProgress(10, ended=True))
    at_work = note(tmp_path, "convert", "b2", JobProgress(3))
    assert run.look().steps == 13
    assert not ended.exists()
    assert at_work.exists()
    note(tmp_path, "convert", "b1", JobProgress(0))  # done once more: an output came too late
    assert run.look().steps == 13


def test_part_of_a_large_file_is_progress(tmp_path: Path) -> None:
    run = RunProgress(tmp_path, JOBS)
    note(tmp_path, "checksum", "b2", JobProgress(0, 0, 500, 1000, 5.0))
    assert run.look().steps == 15


def test_what_is_not_of_this_run_counts_for_nothing(tmp_path: Path) -> None:
    earlier = note(tmp_path, "convert", "b1", JobProgress(10, ended=True))
    run = RunProgress(tmp_path, JOBS)
    assert not earlier.exists()
    note(tmp_path, "annotate", "b1", JobProgress(10))
    note(tmp_path, "convert", "b3", JobProgress(10))
    progress_path(tmp_path, "convert", "b2").write_text('{"filesets": 3')  # just being written
    note(tmp_path, ".convert", "b1", JobProgress(10))
    assert run.look().steps == 0


def test_rates_are_those_of_the_last_minute(tmp_path: Path, clock: Clock) -> None:
    run = RunProgress(tmp_path, JOBS)
    run.look()
    for second in range(1, 200):
        clock.now += 1
        size = 1000 * min(second, 100)
        note(tmp_path, "import", "b2", JobProgress(0, 0, size, 0, float(second)))
        state = run.look()
        if second == 100:
            assert state.byte_rate == 1000
    assert state.byte_rate == 0
    assert state.bytes == 100_000


def test_the_time_left_is_that_of_the_stages_left(tmp_path: Path, clock: Clock) -> None:
    run = RunProgress(tmp_path, JOBS)
    clock.now += 20
    # Two at a time: 40 job-seconds in 20 s. convert takes 0.5 s per fileset, checksum 2 s.
    note(tmp_path, "convert", "b1", JobProgress(10, seconds=5.0, ended=True))
    note(tmp_path, "convert", "b2", JobProgress(30, seconds=15.0, ended=True))
    note(tmp_path, "checksum", "b1", JobProgress(10, seconds=20.0, ended=True))
    # Left: 30 at 2 s, and 40 of a stage that is reckoned as the 50 before it, 0.8 s.
    assert run.look().seconds_left == pytest.approx((30 * 2 + 40 * 0.8) / 2)


def test_the_line() -> None:
    state = State(1234, 5000, 1_234, 5_000, 3, 1_210_000_000_000, 512e6, 2.5, 3720)
    assert line(state) == (
        "[#####-------------------] 24 %  1,234 of 5,000 filesets  3 failed  1.2 TB  512 MB/s  "
        "150 filesets/min  1 h 02 min left"
    )


def test_many_jobs_take_little_to_look_at(tmp_path: Path) -> None:
    jobs = {(stage, f"b{n}"): 100 for stage in ("convert", "checksum") for n in range(1_000)}
    run = RunProgress(tmp_path, jobs)
    for stage, batch in jobs:
        note(tmp_path, stage, batch, JobProgress(100, ended=True))
    assert run.look().steps == 200_000
    assert list((tmp_path / ".progress").iterdir()) == []


def test_a_tool_tells_how_much_it_has_read(tmp_path: Path) -> None:
    assert tool_line(tmp_path, "audit") == "audit: asks OMERO"
    progress = Progress()
    with tool_noted(progress, tmp_path, "audit", 4_000_000):
        path = tool_progress_path(tmp_path, "audit")
        path.write_text(json.dumps(asdict(JobProgress(3, 0, 1_000_000, 4_000_000, 2.0))))
        assert tool_line(tmp_path, "audit") == (
            "[######------------------] 25 %  1.0 MB of 4.0 MB read  500 kB/s  6.0 s left"
        )
        path.write_text(json.dumps(asdict(JobProgress(1234, seconds=2.0))))
        assert tool_line(tmp_path, "audit") == "audit: 1,234 looked at"
    assert list(tmp_path.iterdir()) == []
