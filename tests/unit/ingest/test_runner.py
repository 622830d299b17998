"""A batch always ends in a record per fileset, and a rerun does only what is left to do."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ingest import runner
from ingest.batch_lock import STALE
from ingest.config import load
from ingest.context import Context
from ingest.fileset import Fileset, Problem, Record, SourceFile, StageError, Unfinished
from ingest.job import CONFIG
from ingest.journal import Journal
from ingest.records import read_records, write_records
from ingest.runner import StageJob
from ingest.stages import Stage
from tests.fixtures.waiting import PATIENCE, wait_until


class Toy:
    """A stage that notes what it was asked for and fails where `errors` says so."""

    def __init__(self, name: str = "checksum", **options: Any) -> None:
        self.ran: list[str] = []
        self.errors: dict[str, BaseException] = {}
        self.holds = True
        self.settings: dict[str, Any] = {}
        self.stage = Stage(
            name,
            self.run,
            lambda fileset, earlier, context: self.holds,
            settings=lambda config: self.settings,
            **{"uses": ("id", "checksum"), **options},
        )

    def run(self, fileset: Fileset, upstream: Record, context: Context) -> Record:
        self.ran.append(fileset.id)
        if fileset.id in self.errors:
            raise self.errors[fileset.id]
        return Record(fileset.id, self.stage.name, "ok", facts={"run": len(self.ran)})

    def again(self) -> list[str]:
        """What was run since the last call."""
        ran, self.ran = sorted(self.ran), []
        return ran


@pytest.fixture
def log(context: Context, tmp_path: Path) -> Iterator[Path]:
    with runner._log_file(tmp_path / "job.log"):
        yield tmp_path / "job.log"


@pytest.fixture
def run(context: Context, tmp_path: Path, log: Path) -> Callable[..., dict[str, Record]]:
    """Runs a toy over filesets, after the given upstream records; its records by fileset."""

    def run_toy(
        toy: Toy, *filesets: Fileset | str, upstream: list[Record] | None = None
    ) -> dict[str, Record]:
        rows = [row if isinstance(row, Fileset) else Fileset(row, 2, "/p") for row in filesets]
        plan = tmp_path / "plan.jsonl"
        plan.write_text("".join(json.dumps(row.to_json()) + "\n" for row in rows))
        before = None
        if upstream is not None:
            before = tmp_path / "before.jsonl"
            write_records(before, upstream)
        output = context.results / toy.stage.name / "b.jsonl"
        runner.run_batch(toy.stage, plan, before, output, context, "b")
        return read_records(output)

    return run_toy


Run = Callable[..., dict[str, Record]]


def failure_time(context: Context) -> str:
    return (context.results / ".failures" / "checksum" / "b").read_text()


def test_records_come_in_the_plans_order_with_time_and_host(run: Run) -> None:
    toy = Toy(parallel=lambda context: 4)
    run_one = toy.run

    def a_comes_last(fileset: Fileset, upstream: Record, context: Context) -> Record:
        if fileset.id == "a":
            wait_until(lambda: len(toy.ran) == 2, "the end of b and c")
            time.sleep(0.01)
        return run_one(fileset, upstream, context)

    toy.stage = replace(toy.stage, run=a_comes_last)
    records = run(toy, "a", "b", "c")
    assert list(records) == ["a", "b", "c"]
    assert toy.ran[-1] == "a"
    assert records["a"].seconds >= 0.01
    assert records["a"].host == os.uname().nodename
    assert records["a"].started.endswith("+00:00")


def test_one_failure_stops_nobody_else_and_is_noted(run: Run, context: Context, log: Path) -> None:
    toy = Toy()
    odd = ValueError("odd\n  {\n" + "x" * 1000)
    toy.errors = {"b": StageError("b.tif is gone", "put it back"), "c": odd}
    records = run(toy, "a", "b", "c", "d")
    assert [record.status for record in records.values()] == ["ok", "error", "error", "ok"]
    assert (records["b"].cause, records["b"].remedy) == ("b.tif is gone", "put it back")
    assert records["c"].cause.startswith("unexpected ValueError: odd { xxx")
    assert len(records["c"].cause) < 400
    assert "log" in records["c"].remedy
    text = log.read_text()
    assert "Traceback" in text
    assert "ValueError: odd" in text
    assert text.count("Traceback") == 1
    assert "\tb\terror\t" in text
    assert "b.tif is gone" in text
    assert "\td\tok\t" in text
    assert [event["event"] for event in context.journal.events("b")] == ["failed"]
    assert failure_time(context) > "2020"


def test_a_rerun_does_only_what_failed_and_keeps_the_time_of_the_failure(
    run: Run, context: Context
) -> None:
    toy = Toy()
    toy.errors = {"b": StageError("gone", "put it back")}
    first = run(toy, "a", "b")
    failed_at = failure_time(context)
    assert toy.again() == ["a", "b"]
    toy.errors = {}
    second = run(toy, "a", "b")
    assert toy.again() == ["b"]
    assert second["a"] == first["a"]
    assert second["b"].status == "ok"
    assert failure_time(context) == failed_at
    toy.errors = {"b": StageError("gone", "put it back")}
    run(toy, "a", "b")
    assert toy.again() == []


def test_a_new_failure_has_a_new_time(run: Run, context: Context) -> None:
    toy = Toy()
    toy.errors = {"a": StageError("gone", "put it back")}
    run(toy, "a")
    first = failure_time(context)
    run(toy, "a")
    assert failure_time(context) > first


def test_a_success_notes_no_failure(run: Run, context: Context) -> None:
    run(Toy(), "a")
    assert not (context.results / ".failures").exists()


def test_what_does_not_hold_any_more_is_done_again(run: Run) -> None:
    toy = Toy()
    run(toy, "a")
    toy.holds = False
    run(toy, "a")
    assert toy.ran == ["a", "a"]


FILE = SourceFile("/p", "/p", "p", 3, 1, 1, {"MD5-128": "00"})
BEFORE = Record("a", "convert", "ok", started="1", seconds=1.0, files=(FILE,), facts={"x": 1})
ROW = Fileset("a", 2, "/p")


@pytest.mark.parametrize(
    ("row", "before", "settings"),
    [
        (replace(ROW, checksum="md5:00"), BEFORE, {}),
        (ROW, replace(BEFORE, facts={"x": 2}), {}),
        (ROW, replace(BEFORE, status="notneeded"), {}),
        (ROW, replace(BEFORE, files=(replace(FILE, mtime_ns=2),)), {}),
        (ROW, replace(BEFORE, files=(replace(FILE, digests={}),)), {}),
        (ROW, BEFORE, {"algorithm": "MD5-128"}),
    ],
)
def test_a_change_of_what_a_stage_uses_makes_it_run_again(
    run: Run, row: Fileset, before: Record, settings: dict[str, Any]
) -> None:
    toy = Toy()
    run(toy, ROW, upstream=[BEFORE])
    toy.settings = settings
    run(toy, row, upstream=[before])
    assert toy.ran == ["a", "a"]


def test_a_change_of_anything_else_does_not(run: Run) -> None:
    toy = Toy()
    run(toy, ROW, upstream=[BEFORE])
    later = replace(BEFORE, started="2", seconds=2.0, host="h")
    run(toy, replace(ROW, row=7, tags=("t",)), upstream=[later])
    assert toy.ran == ["a"]


def test_only_the_last_thing_done_counts(run: Run) -> None:
    toy = Toy()
    for setting in (1, 2, 1):
        toy.settings = {"setting": setting}
        run(toy, "a")
    assert toy.ran == ["a"] * 3


def test_an_earlier_record_of_another_form_is_not_used(run: Run, context: Context) -> None:
    toy = Toy()
    run(toy, "a")
    (event,) = context.journal.events("a")
    event["record"]["surprise"] = 1
    context.journal.append("a", "checksum", "done", key=event["key"], record=event["record"])
    assert run(toy, "a")["a"].status == "ok"
    assert toy.ran == ["a", "a"]


def test_stages_do_not_take_each_others_records(run: Run) -> None:
    first, second = Toy("convert"), Toy("checksum")
    run(first, "a")
    run(second, "a")
    assert (first.ran, second.ran) == (["a"], ["a"])


def test_after_a_failure_a_later_stage_is_impossible_and_says_why(
    run: Run, context: Context
) -> None:
    toy = Toy("transfer")
    failed = Record("a", "checksum", "error", "a.tif differs", "copy it again")
    records = run(toy, "a", "b", upstream=[failed, Record("b", "checksum", "ok")])
    assert toy.ran == ["b"]
    assert records["a"].status == "impossible"
    assert records["a"].cause == "not done: checksum failed: a.tif differs"
    assert records["a"].remedy == "copy it again"
    later = run(Toy("import"), "a", upstream=[records["a"]])
    assert (later["a"].status, later["a"].cause) == ("impossible", records["a"].cause)
    assert context.journal.events("a") == []
    assert not (context.results / ".failures").exists()


def test_what_is_unfinished_is_tried_again_and_keeps_later_stages_waiting(
    run: Run, context: Context
) -> None:
    toy = Toy("import")
    toy.errors["a"] = Unfinished("a is still being imported", "run again")
    first = run(toy, "a")["a"]
    assert (first.status, first.cause) == ("unfinished", "a is still being imported")
    assert context.journal.events("a") == []
    assert (context.results / ".failures" / "import").is_dir()
    later = run(Toy("annotate"), "a", upstream=[first])["a"]
    assert later.status == "impossible"
    assert later.cause == "not done yet: a is still being imported"


def test_a_refused_row_that_is_skipped_is_impossible(run: Run) -> None:
    toy = Toy("convert")
    records = run(toy, Fileset("a", 2, "/p", problem=Problem("no such file", "correct it")), "b")
    assert toy.ran == ["b"]
    assert (records["a"].status, records["a"].cause) == ("impossible", "no such file")


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(3)])
def test_what_stops_the_process_is_no_record(
    run: Run, context: Context, stop: BaseException
) -> None:
    toy = Toy()
    toy.errors = {"b": stop}
    with pytest.raises(type(stop)):
        run(toy, "a", "b")
    assert not (context.results / "checksum").exists()
    toy.errors = {}
    toy.ran.clear()
    run(toy, "a", "b")
    assert toy.ran == ["b"]


def test_filesets_are_in_work_at_once_as_the_stage_says(run: Run) -> None:
    meeting = threading.Barrier(3, timeout=PATIENCE)
    toy = Toy(parallel=lambda context: 3)
    toy.stage = replace(
        toy.stage,
        run=lambda fileset, upstream, context: (
            meeting.wait(),
            Record(fileset.id, "checksum", "ok"),
        )[1],
    )
    records = run(toy, "a", "b", "c")
    assert {record.status for record in records.values()} == {"ok"}


def job(tmp_path: Path, batch: str = "b") -> StageJob:
    """What a stage rule without an upstream gives its job."""
    plan = tmp_path / "plan" / f"{batch}.jsonl"
    plan.parent.mkdir(exist_ok=True)
    plan.write_text(json.dumps(Fileset("a", 2, "/p").to_json()) + "\n")
    results = tmp_path / "results"
    output = results / "checksum" / f"{batch}.jsonl"
    return StageJob(batch, plan, None, output, results / "logs" / f"{batch}.log", threads=2)


def test_the_job_of_a_stage_rule(tmp_path: Path) -> None:
    toy, asked = Toy(), job(tmp_path)
    results = tmp_path / "results"
    handler = signal.getsignal(signal.SIGTERM)
    runner.run_stage(toy.stage, asked, load({"results": str(results)}))
    assert read_records(asked.output)["a"].status == "ok"
    assert "\ta\tok\t" in asked.log.read_text()
    assert signal.getsignal(signal.SIGTERM) is handler
    assert logging.getLogger("ingest").handlers == []
    assert [event["event"] for event in Journal(results / "journal").events("a")] == ["done"]
    (lock,) = (results / ".locks" / "b").iterdir()
    assert json.loads(lock.read_text())["released"] is True


def test_a_tool_that_cannot_work_leaves_no_table_of_an_earlier_time(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    for name in ("audit.json", "audit.csv", "other.csv"):
        (results / name).write_text("earlier")
    asked = SimpleNamespace(
        config={"results": str(results)}, log=[str(tmp_path / "log")], threads=1, rule="audit"
    )

    with pytest.raises(SystemExit), runner.tool(asked, ".json", ".csv"):
        raise StageError("no server", "Start it.")

    assert sorted(path.name for path in results.iterdir()) == ["audit.txt", "other.csv"]
    assert "Start it." in (results / "audit.txt").read_text()


def test_a_stage_is_started_by_its_name_with_the_configuration_in_the_environment(
    tmp_path: Path, python_env: dict[str, str]
) -> None:
    asked = job(tmp_path)
    options = ["--input", asked.plan, "--output", asked.output, "--log", asked.log]
    config = {"results": str(tmp_path / "elsewhere")}
    subprocess.run(
        [sys.executable, "-m", "ingest.job", "convert", *options, "--threads", "1"],
        env={**python_env, CONFIG: json.dumps(config)},
        check=True,
    )
    record = read_records(asked.output)["a"]
    assert (record.stage, record.status) == ("convert", "error")
    assert "/p" in record.cause
    assert (tmp_path / "elsewhere" / "journal").is_dir()


SLOW_JOB = """
import sys, time
from pathlib import Path
from ingest.config import load
from ingest.runner import StageJob, run_stage
from ingest.stages import Stage

def work(fileset, upstream, context):
    print("working", flush=True)
    time.sleep(600)

folder = Path(sys.argv[1])
output = folder / "results/checksum/b.jsonl"
asked = StageJob("b", folder / "plan/b.jsonl", None, output, folder / "b.log", 2)
run_stage(Stage("checksum", work, lambda *_: True), asked, load({"results": folder / "results"}))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_job_at_once_and_the_next_one_need_not_wait(
    tmp_path: Path, number: signal.Signals, python_env: dict[str, str]
) -> None:
    asked = job(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_JOB, tmp_path],
        stdout=subprocess.PIPE,
        text=True,
        env=python_env,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    process.send_signal(number)
    assert process.wait(timeout=PATIENCE) == 128 + number
    assert f"ended by {number.name}" in (tmp_path / "b.log").read_text()
    assert not asked.output.exists()
    start = time.monotonic()
    runner.run_stage(Toy().stage, asked, load({"results": str(tmp_path / "results")}))
    assert time.monotonic() - start < STALE / 2


def test_sessions_are_opened_at_first_use_only_and_closed(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    pool = SimpleNamespace(close=lambda: opened.append("closed"))
    fake = SimpleNamespace(SessionPool=lambda config: opened.append(config) or pool)
    monkeypatch.setitem(sys.modules, "ingest.omero.session", fake)
    context.close()
    assert opened == []
    assert context.sessions is pool
    assert context.sessions is pool
    context.close()
    assert opened == [context.config, "closed"]
