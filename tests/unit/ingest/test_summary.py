from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ingest.fileset import Fileset, Problem
from ingest.records import write_records
from ingest.summary import COLUMNS, STAGES, Outcome, all_ok, collect, outcome, write_table
from tests.fixtures.outcomes import (
    being_imported,
    failed,
    found_there,
    imported,
    records_of,
    source_file,
)


def written(path: Path, *outcomes: Outcome) -> list[dict[str, str]]:
    write_table(path, outcomes)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_batch(results: Path, batch: str, *filesets: Fileset, failed_at: str = "") -> None:
    (results / "plan").mkdir(parents=True, exist_ok=True)
    plan = "".join(json.dumps(fileset.to_json()) + "\n" for fileset in filesets)
    (results / "plan" / f"{batch}.jsonl").write_text(plan)
    files = (source_file("/data", "image.tiff", 10),)
    facts = {"fileset_id": 7, "image_ids": [70], "plate_ids": []}
    of_filesets = [records_of(of, files, facts, failed_at=failed_at) for of in filesets]
    for stage in STAGES:
        write_records(
            results / stage / f"{batch}.jsonl", [r for of in of_filesets if (r := of[stage])]
        )


def test_a_fileset_is_ok_when_every_stage_succeeded() -> None:
    done = imported("a", images=3, plates=1, file_names=("a.ome", "b.tiff"), size=5)
    assert done.ok
    assert (done.fileset_id, done.image_ids, done.plate_ids) == (10, [100, 101, 102], [10])
    assert (done.target, done.bytes, done.seconds) == ("Dataset:5", 10, 12.5)
    assert [run.stage for run in done.stage_runs] == list(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_the_first_stage_that_failed_is_told_with_cause_and_remedy(stage: str) -> None:
    bad = failed("a", stage, cause="it burns", remedy="Pour water.")
    assert (bad.status, bad.stage) == ("error", stage)
    assert (bad.cause, bad.remedy) == ("it burns", "Pour water.")
    assert bad.target == "Dataset:name:Demo"


def test_what_is_in_omero_is_told_although_its_annotation_failed() -> None:
    fileset = Fileset("a", 2, "/data/a")
    facts = {"fileset_id": 3, "image_ids": [1], "target": {"type": "Screen", "id": 4, "name": "S"}}
    bad = outcome(fileset, records_of(fileset, (), facts, failed_at="annotate"))
    assert (bad.status, bad.fileset_id, bad.target) == ("error", 3, "Screen:4")


def test_what_was_in_omero_already_is_done_but_not_ours(tmp_path: Path) -> None:
    found = found_there("a", 7)
    assert found.ok
    assert (found.status, found.fileset_id, found.found_fileset) == ("notneeded", None, 7)
    [row] = written(tmp_path / "imported.csv", found)
    assert (row["status"], row["fileset_id"], row["image_ids"]) == ("notneeded", "7", "")
    assert row["cause"] == "already in OMERO as Fileset:7 (same name and digest)"
    assert all_ok(tmp_path / "imported.csv")


def test_what_omero_still_works_on_is_neither_done_nor_failed(tmp_path: Path) -> None:
    running = being_imported("a")
    assert (running.status, running.stage) == ("unfinished", "import")
    assert (running.ok, running.failed) == (False, False)
    written(tmp_path / "imported.csv", running)
    assert not all_ok(tmp_path / "imported.csv")


def test_a_skipped_row_is_impossible() -> None:
    fileset = Fileset("a", 2, "/nowhere", problem=Problem("no such file", "Correct the path."))
    skipped = outcome(fileset, records_of(fileset, (), {}))
    assert (skipped.status, skipped.stage) == ("impossible", "plan")
    assert (skipped.cause, skipped.remedy) == ("no such file", "Correct the path.")


def test_a_missing_record_is_a_failure() -> None:
    fileset = Fileset("a", 2, "/data/a")
    records = records_of(fileset, (), {})
    records["import"] = None
    bad = outcome(fileset, records)
    assert (bad.status, bad.stage) == ("error", "import")
    assert "no record" in bad.cause


def test_outcomes_are_collected_in_the_manifests_order(tmp_path: Path) -> None:
    write_batch(tmp_path, "b1", Fileset("z", 2, "/z"), Fileset("y", 4, "/y"))
    write_batch(tmp_path, "b2", Fileset("x", 3, "/x"), failed_at="transfer")
    collected = collect(tmp_path, ["b1", "b2"])
    assert [of.fileset.id for of in collected] == ["z", "x", "y"]
    assert [of.status for of in collected] == ["ok", "error", "ok"]
    assert collected[0].files[0].name == "image.tiff"


def test_a_batch_without_a_stages_records_failed_there(tmp_path: Path) -> None:
    write_batch(tmp_path, "b", Fileset("z", 2, "/z"))
    (tmp_path / "import" / "b.jsonl").unlink()
    (bad,) = collect(tmp_path, ["b"])
    assert (bad.status, bad.stage) == ("error", "import")


def test_the_table_has_one_row_per_fileset_with_the_agreed_columns(tmp_path: Path) -> None:
    table = tmp_path / "imported.csv"
    rows = written(table, imported("a", images=2, size=7), failed("b", "checksum"))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] == {
        "fileset": "a",
        "status": "ok",
        "cause": "",
        "path": "/data/a",
        "fileset_id": "10",
        "image_ids": "100;101",
        "plate_ids": "",
        "target": "Dataset:5",
        "files": "1",
        "bytes": "7",
        "algorithm": "Murmur3-128",
        "seconds": "12.500",
    }
    assert (rows[1]["status"], rows[1]["cause"]) == ("error", "the disk is full")
    assert rows[1]["fileset_id"] == ""


def test_text_of_any_kind_survives_the_table(tmp_path: Path) -> None:
    nasty = 'Größe, "quoted"; two\nlines'
    (row,) = written(tmp_path / "t.csv", failed("a", "import", cause=nasty))
    assert row["cause"] == nasty


def test_a_carriage_return_makes_no_second_row(tmp_path: Path) -> None:
    (row,) = written(tmp_path / "t.csv", failed("a", "import", cause="one\r=two"))
    assert row["cause"] == "one\\r=two"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_no_cell_starts_a_formula(tmp_path: Path, start: str) -> None:
    (row,) = written(tmp_path / "t.csv", failed("a", "import", cause=f"{start}HYPERLINK(1)"))
    assert row["cause"] == f"'{start}HYPERLINK(1)"


def test_names_that_are_not_utf8_do_not_stop_the_table(tmp_path: Path) -> None:
    (row,) = written(tmp_path / "t.csv", failed("a", "import", cause="bad \udcff name"))
    assert row["cause"] == "bad \\udcff name"


def test_one_failure_among_good_filesets_means_not_all_are_ok(tmp_path: Path) -> None:
    table = tmp_path / "imported.csv"
    write_table(table, [imported("a"), imported("b")])
    assert all_ok(table)
    write_table(table, [imported("a"), failed("b", "import")])
    assert not all_ok(table)
