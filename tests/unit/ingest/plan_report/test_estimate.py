"""How long a run takes: by what an earlier one took, else by assumptions that are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ingest.doctor.rows import Row
from ingest.fileset import Fileset
from ingest.plan_report.estimate import ASSUMED, ENOUGH, rates, stored, work
from ingest.plan_report.planned import Planned, State


def planned(state: State = "import", size: int = 1000, landed: bool = False, **cells: str) -> Any:
    return Planned(Row(Fileset("a", 2, "/a.tif", **cells), ("/a.tif",), size, landed), state)  # type: ignore[arg-type]


def note(results: Path, stage: str, *records: dict[str, Any]) -> None:
    folder = results / stage
    folder.mkdir(parents=True)
    lines = [{"facts": {}, "status": "ok", "files": [], **record} for record in records]
    (folder / "b1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def plan(results: Path, **cells: str) -> None:
    (results / "plan").mkdir(parents=True)
    lines = [{"id": name, "row": 2, "path": "/a", **cells} for name in "abc"]
    (results / "plan" / "b1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_without_records_everything_is_assumed(tmp_path: Path) -> None:
    assert rates(tmp_path) == ASSUMED
    works = work([planned()] * 10, ASSUMED)
    assert [each.stage for each in works] == ["checksum", "import", "annotate"]
    assert works[1].seconds == 10 * ASSUMED["import"].seconds
    assert all("(assumed)" in each.basis for each in works)


def test_what_is_done_or_stopped_takes_no_time() -> None:
    assert work([planned("done"), planned("refused"), planned("there")], ASSUMED) == []


def test_many_bytes_take_their_time() -> None:
    (checksum, *_) = work([planned(size=int(600e6))], ASSUMED)
    assert checksum.seconds == 2.0  # at 300 MB/s


def test_an_earlier_run_is_measured(tmp_path: Path) -> None:
    plan(tmp_path)
    size = {"files": [{"size": ENOUGH}]}
    note(
        tmp_path,
        "checksum",
        {"fileset": "a", "seconds": 1.0, **size},
        {"fileset": "b", "seconds": 3.0, **size},
        {"fileset": "c", "seconds": 90.0, "status": "error"},
    )
    note(tmp_path, "import", {"fileset": "a", "seconds": 0.5, **size})
    found = rates(tmp_path)
    assert (found["checksum"].seconds, found["checksum"].filesets) == (2.0, 2)
    assert found["checksum"].speed == ENOUGH / 2 and found["checksum"].bytes == 2 * ENOUGH
    # Links move no bytes: they tell nothing of how fast copies are.
    assert found["import"].seconds == 0.5 and found["import"].speed == ASSUMED["import"].speed
    assert found["transfer"] == ASSUMED["transfer"]
    basis = work([planned()], found)[0].basis
    assert "2 s per fileset (2 measured)" in basis and "50.0 MB/s (200 MB measured)" in basis


def test_few_bytes_are_no_measure(tmp_path: Path) -> None:
    plan(tmp_path, transfer="cp")
    note(tmp_path, "transfer", {"fileset": "a", "seconds": 0.2, "files": [{"size": 1000}]})
    found = rates(tmp_path)["transfer"]
    assert found.filesets == 1 and found.speed == ASSUMED["transfer"].speed


def test_bytes_for_the_store(tmp_path: Path) -> None:
    assert stored(planned(transfer="cp"), tmp_path) == 1000
    assert stored(planned(transfer="ln_s"), tmp_path) == 0
    assert stored(planned(transfer="cp", landed=True), tmp_path) == 0
    assert stored(planned("blocked", transfer="cp"), tmp_path) == 0
    assert stored(planned(convert="c"), None) == 1000
