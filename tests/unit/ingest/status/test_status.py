"""Where everything stands, by records in any state of a run."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingest.config import Config, load
from ingest.context import Context
from ingest.fileset import Record
from ingest.intakes import Intake
from ingest.journal import Journal
from ingest.plan import compile_plan
from ingest.records import write_records
from ingest.run_history import note_begin, note_end
from ingest.status.status import status
from ingest.summary import STAGES
from ingest.watch.history import History, write_history


class Site:
    """A folder with a plan of some rows, and records as they are said to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: Config = load(
            {
                "manifest": str(folder / "manifest.csv"),
                "results": str(folder / "results"),
                "watch": {"intakes": str(folder / "intakes"), "attempts": 3},
                "invalid_rows": "skip",
            }
        )

    def plan(self, *filesets: str) -> None:
        lines = ["fileset,path"]
        for fileset in filesets:
            (self.folder / f"{fileset}.tif").write_bytes(b"x")
            lines.append(f"{fileset},{fileset}.tif")
        (self.folder / "manifest.csv").write_text("\n".join([*lines, "refused,missing.tif", ""]))
        compile_plan(self.config)

    def record(self, fileset: str, **stages: Any) -> None:
        for stage, found in stages.items():
            words = ("", "") if found in ("ok", "notneeded") else (f"no {stage}", "Mend \x1b it.")
            record = Record(fileset, stage, found, *words)
            write_records(self.config.results / stage / f"{fileset}.jsonl", [record])

    def done(self, fileset: str) -> None:
        self.record(fileset, **dict.fromkeys(STAGES, "ok"))

    def words(self) -> str:
        results = self.config.results
        status(Context(self.config, results, Journal(results / "journal")))
        return (results / "status.txt").read_text()

    def counted(self) -> Mapping[str, Mapping[str, int]]:
        found = json.loads((self.config.results / "status.json").read_text())
        return found["results"][0]["stages"]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_nothing_was_begun(site: Site) -> None:
    assert site.words() == "There has been no run yet: no results folder has a plan.\n"


def test_counts_by_stage_what_is_done_and_to_do(site: Site) -> None:
    site.plan("a", "b", "c", "d")
    site.done("a")
    site.record("b", convert="notneeded", checksum="error", transfer="impossible")
    site.record("c", convert="ok", checksum="ok", transfer="ok")
    site.record("c", **{"import": "unfinished", "annotate": "impossible"})
    words = site.words()
    counted = site.counted()
    assert counted["convert"]["ok"] == 2 and counted["convert"]["notneeded"] == 1
    assert counted["checksum"]["error"] == 1
    assert counted["import"]["unfinished"] == 1
    assert [counted[stage]["to do"] for stage in STAGES] == [2, 2, 2, 3, 3]
    assert "b (checksum, failed)\n    cause:  no checksum\n    remedy: Mend \\x1b it." in words
    assert "c (import, unfinished)" in words
    assert "refused (plan, held up)" in words and "does not exist" in words
    assert "1 of 5 filesets are in OMERO, verified and annotated. 2 need your attention" in words


def test_tells_of_the_last_run(site: Site) -> None:
    site.plan("a")
    site.done("a")
    results = site.config.results
    started = note_begin(results)
    assert "was killed: give the same command again" in site.words()
    note_end(results, started, "failed", "")
    assert "The last run failed" in site.words()
    note_end(results, note_begin(results), "stopped", "")
    assert "The last run was stopped" in site.words()
    (results / "runs.jsonl").open("a").write('{"started": "2')
    note_end(results, note_begin(results), "ok", "")
    assert "The last run succeeded" in site.words()


def test_a_run_in_progress_is_looked_at_and_not_disturbed(site: Site) -> None:
    site.plan("a", "b")
    results = site.config.results
    (results / ".progress").mkdir()
    (results / ".progress" / "import.a").write_text(json.dumps({"filesets": 7, "ended": False}))
    (results / ".progress" / "import.b").write_text(json.dumps({"filesets": 9, "ended": True}))
    (results / ".progress" / ".import.a").write_text("{")
    note_begin(results)
    with (results / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = site.words()
    assert "A run is in progress, since" in words
    assert "at work: 1 jobs: import.a (7 done)" in words
    assert "at work" not in site.words()


def test_intakes_are_part_of_it(site: Site) -> None:
    for name in ("waits", "left", "retried"):
        intake = Intake(site.config.watch.intakes / "drop" / name)
        intake.folder.mkdir(parents=True)
        intake.manifest.write_text("fileset,path\n")
        if name != "waits":
            intake.results.mkdir()
            attempts = 3 if name == "left" else 2
            write_history(intake, History(attempts=attempts, status=1))
    words = site.words()
    waits, left = words.split("1 intakes failed too often")
    assert "1 intakes are waiting for their first run:" in waits and "drop/waits" in waits
    assert "drop/left" in left and "retried" not in words


def test_a_damaged_plan_is_told(site: Site) -> None:
    site.plan("a")
    (site.config.results / "plan" / "index.json").write_text("{")
    assert "is damaged" in site.words()
