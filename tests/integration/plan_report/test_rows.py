"""What plan_report says of rows, against a server that has some of them."""

from __future__ import annotations

import csv
import secrets
from pathlib import Path
from typing import Any

import pytest

from ingest.plan_report.plan_report import plan_report
from ingest.records import read_records
from tests.integration.ingest_omero.rig import Rig, write_image

Rows = dict[str, dict[str, str]]


def report(rig: Rig, rows: list[dict[str, str]], **options: Any) -> tuple[Rows, str, int]:
    """The table by fileset, the summary, and the exit status."""
    manifest = rig.folder / "manifest.csv"
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    rig.options = {"manifest": str(manifest), **options}
    context = rig.new_context()
    status = 0
    try:
        plan_report(context)
    except SystemExit as end:
        status = int(str(end.code))
    finally:
        context.close()
    results = context.results
    with (results / "plan_report.csv").open(newline="") as file:
        table = {row["fileset"]: row for row in csv.DictReader(file)}
    return table, (results / "plan_report.txt").read_text(), status


def image(rig: Rig, name: str) -> Path:
    return write_image(rig.folder / "data" / name)


def row(fileset: str, path: Path, **cells: str) -> dict[str, str]:
    return {"fileset": fileset, "path": str(path), **cells}


def containers(rig: Rig) -> int:
    return rig.count("select p.id from Project p") + rig.count("select d.id from Dataset d")


def test_new_rows(rig: Rig) -> None:
    one, two = image(rig, "a.tif"), image(rig, "b.tif")
    before = containers(rig)
    rows = [
        row("a", one, target="Project:name:Plan/Dataset:name:Fresh", checksum=f"md5:{'0' * 32}"),
        row("b", two, target="Dataset:@name:Each", user="ada", group="demo", transfer="cp"),
        row("c", image(rig, "c.tif"), import_transfer="upload"),
    ]
    table, words, status = report(rig, rows, transfer={"store": str(rig.folder / "store")})
    assert status == 0
    assert [each["plan"] for each in table.values()] == ["import"] * 3
    size = one.stat().st_size
    assert table["a"]["bytes"] == str(size) and table["a"]["files"] == "1"
    assert table["a"]["target_is"] == "will be made"
    assert table["a"]["digests"] == "MD5-128 (manifest)"
    assert table["b"]["target_is"] == "a new one for every fileset"
    assert (table["b"]["user"], table["b"]["group"]) == ("ada", "demo")
    assert table["b"]["bytes_to_store"] == str(two.stat().st_size)
    assert table["c"]["bytes_to_omero"] != "0" and table["a"]["bytes_to_omero"] == "0"
    assert table["a"]["user"] == "importer"
    assert words.startswith("3 of 3 filesets would be imported")
    assert "(assumed)" in words
    assert containers(rig) == before
    assert not (rig.folder / "store").exists()
    assert not rig.context.journal.folder.exists()
    assert not (rig.context.results / "plan").exists()


def test_rows_that_are_in_omero(rig: Rig) -> None:
    done, others = image(rig, "done.tif"), image(rig, "others.tif")
    target = "Dataset:name:There"
    rig.add("done", [done], target=target)
    assert rig.import_all()["done"].status == "ok"
    stranger = Rig(rig.folder / "stranger", rig.server)
    try:
        stranger.add("x", [others])
        assert stranger.import_all()["x"].status == "ok"
    finally:
        stranger.close()
    rows = [
        row("done", done, target=target),
        row("again", others, target=target),
        row("spared", others, target=target, exclude="clientpath", files="others.tif"),
    ]
    before = rig.count("select f.id from Fileset f")
    alone, _, _ = report(rig, [rows[0], rows[2]])
    assert alone["done"]["plan"] == "done" and alone["done"]["found_by"] == "journal"
    assert alone["done"]["omero_filesets"] == str(rig.filesets_of(done)[0])
    assert alone["done"]["target_is"].startswith("Dataset ")
    assert alone["spared"]["plan"] == "there" and alone["spared"]["found_by"] == "client path"
    table, words, status = report(rig, rows[:2])
    assert status == 0
    assert table["again"]["plan"] == "import"
    assert table["again"]["omero_filesets"] == str(rig.filesets_of(others)[0])
    assert table["again"]["target_is"] == table["done"]["target_is"]
    assert "1 of 2 filesets would be imported" in words
    assert "1 of them a second time" in words and "exclude" in words
    assert rig.count("select f.id from Fileset f") == before


def test_rows_that_a_run_has_begun(rig: Rig) -> None:
    paths = {name: image(rig, f"{name}.tif") for name in ("hashed", "begun")}
    for name, path in paths.items():
        rig.add(name, [path])
    records = read_records(rig.checksum())
    journal = rig.context.journal
    for name in paths:
        journal.append(name, "checksum", "done", key="k", record=records[name].to_json())
    journal.append("begun", "import", "intent", import_id="one")
    table, words, status = report(rig, [row(name, path) for name, path in paths.items()])
    assert status == 0
    plans = {name: each["plan"] for name, each in table.items()}
    assert plans["hashed"] == "import" and plans["begun"] == "continue"
    assert {each["digests"] for each in table.values()} == {"BLAKE3, Murmur3-128 (journal)"}
    assert "1  begun earlier, would be finished" in words


def test_rows_with_converters_and_templates(rig: Rig) -> None:
    raw = rig.folder / "data" / "day1" / "raw.czi"
    raw.parent.mkdir(parents=True)
    raw.write_bytes(b"x" * 5000)
    command = "cp {input} {output}/{stem}.tif"
    options = {
        "converters": {"copy": {"runtime": "host", "command": command}},
        "convert": {"store": str(rig.folder / "store")},
    }
    target = "regex:^.*/(?<Container1>[^/]+)$"
    table, words, status = report(rig, [row("a", raw, convert="copy", target=target)], **options)
    assert status == 0, words
    assert table["a"]["convert"] == "copy" and table["a"]["bytes_to_store"] == "5000"
    assert table["a"]["target"] == "Dataset:+name:day1"
    assert "Converter   copy: 1 fileset" in words and "convert 5.0 s: 5 s per fileset" in words


def test_rows_that_would_fail(rig: Rig) -> None:
    path = image(rig, "a.tif")
    rows = [
        row("user", path, user="nobody-here"),
        row("group", image(rig, "b.tif"), group="typo"),
        row("target", image(rig, "c.tif"), target="Dataset:id:987654"),
        row("taken", image(rig, "d.tif"), transfer="cp"),
        row("missing", rig.folder / "none.tif"),
    ]
    store = rig.folder / "store"
    (store / "taken").mkdir(parents=True)
    (store / "taken" / "d.tif").write_text("another")
    options = {"transfer": {"store": str(store)}, "invalid_rows": "skip"}
    table, words, status = report(rig, rows, **options)
    assert status == 1
    assert {name: each["plan"] for name, each in table.items()} == {
        "user": "blocked",
        "group": "blocked",
        "target": "blocked",
        "taken": "blocked",
        "missing": "refused",
    }
    assert "nobody-here" in table["user"]["cause"]
    assert "typo" in table["group"]["cause"]
    assert "987654" in table["target"]["cause"]
    assert str(store / "taken") in table["taken"]["cause"]
    assert all(each["remedy"] for each in table.values())
    assert "5 cannot be imported:" in words
    assert (store / "taken" / "d.tif").read_text() == "another"
    _, words, status = report(rig, rows, transfer={"store": str(store)})
    assert status == 1 and words.startswith("Nothing would be imported: 1 row of the manifest")


def test_hard_link_over_file_systems(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> None:
    passing = write_image(Path("/dev/shm") / f"plan-{secrets.token_hex(4)}" / "a.tif")
    try:
        table, _, status = report(rig, [row("a", passing, import_transfer="ln")])
    finally:
        passing.unlink()
        passing.parent.rmdir()
    assert status == 1 and table["a"]["plan"] == "blocked"
    assert "another file system" in table["a"]["cause"] and "cp or ln_s" in table["a"]["remedy"]


def test_repository_that_is_not_mounted(rig: Rig) -> None:
    omero = {
        "embedded": True,
        "embedded_folder": str(rig.server.folder),
        "managed_repository": str(rig.folder / "nowhere"),
    }
    rows = [
        row("linked", image(rig, "a.tif")),
        row("sent", image(rig, "b.tif"), import_transfer="upload"),
    ]
    table, _, status = report(rig, rows, omero=omero)
    assert status == 1
    assert table["linked"]["plan"] == "blocked" and "nowhere" in table["linked"]["cause"]
    assert table["sent"]["plan"] == "import"


def test_omero_that_cannot_be_asked(rig: Rig) -> None:
    rows = [row("a", image(rig, "a.tif"))]
    omero = {"embedded_folder": str(rig.folder / "no-server")}
    table, words, status = report(rig, rows, omero=omero)
    assert status == 1 and "OMERO was not asked" in words and "->" in words
    assert table["a"]["plan"] == "import" and table["a"]["bytes"] != "0"
