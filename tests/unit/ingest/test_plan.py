"""Batches: who is in which, that nobody moves, and what is written when."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.config import load
from ingest.fileset import Fileset
from ingest.manifest import ManifestError
from ingest.manifest_sources import FOLDER
from ingest.plan import Batch, Plan, PlanError, assign, compile_plan, load_index

Compile = Callable[..., Plan]


@pytest.fixture
def compile_rows(tmp_path: Path) -> Compile:
    """Writes a manifest of these ids, and a file for each, and compiles it."""

    def compile_them(*ids: str, **options: Any) -> Plan:
        for fileset in ids:
            (tmp_path / f"{fileset}.tif").touch()
        write_manifest(tmp_path, *ids)
        return compile_plan(load({"manifest": "manifest.csv", **options}), tmp_path)

    return compile_them


def write_manifest(folder: Path, *ids: str) -> None:
    rows = ["fileset,path", *(f"{fileset},{fileset}.tif" for fileset in ids)]
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")


def sizes_of(plan: Plan) -> dict[str, int]:
    return {name: batch.filesets for name, batch in plan.batches.items()}


def plan_files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.name: (path.stat().st_mtime_ns, path.read_bytes())
        for path in (folder / "results" / "plan").iterdir()
    }


def members(folder: Path, batch: str) -> list[Fileset]:
    lines = (folder / "results" / "plan" / f"{batch}.jsonl").read_text().splitlines()
    return [Fileset.from_json(json.loads(line)) for line in lines]


def test_up_to_a_thousand_filesets_are_batches_of_their_own(
    tmp_path: Path, compile_rows: Compile
) -> None:
    plan = compile_rows("plate-07", "plate-08")
    assert sizes_of(plan) == {"plate-07": 1, "plate-08": 1}
    assert members(tmp_path, "plate-08") == [Fileset("plate-08", 3, str(tmp_path / "plate-08.tif"))]
    assert load_index(tmp_path / "results") == plan


def test_a_configured_size_makes_numbered_batches(tmp_path: Path, compile_rows: Compile) -> None:
    plan = compile_rows(*"abcde", batch_size=2)
    assert sizes_of(plan) == {"b00001": 2, "b00002": 2, "b00003": 1}
    assert [fileset.id for fileset in members(tmp_path, "b00002")] == ["c", "d"]


def test_a_batch_knows_about_how_many_bytes_its_rows_name(tmp_path: Path) -> None:
    (tmp_path / "one.tif").write_bytes(b"12345")
    (tmp_path / "several").mkdir()
    (tmp_path / "several/a.tif").write_bytes(b"123")
    (tmp_path / "several/b.tif").write_bytes(b"1234")
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole/a.zarr").write_bytes(b"1")
    (tmp_path / "manifest.csv").write_text(
        "fileset,path,files\none,one.tif,\nseveral,several,*.tif\nwhole,whole,\n"
    )
    plan = compile_plan(load({"manifest": "manifest.csv"}), tmp_path)
    assert plan.batches == {"one": Batch(1, 5), "several": Batch(1, 7), "whole": Batch(1, FOLDER)}


def test_what_is_read_again_is_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "Zelle 1.tif").touch()
    (tmp_path / "manifest.csv").write_text(
        "fileset,path,files,tags,kv.Färbung,target,transfer\n"
        'a,Zelle 1.tif,Zelle 1.tif,x;y,"DAPI, GFP",Screen:name:S,cp\n'
        "b,missing.tif,,,,,\n"
    )
    options = {"manifest": "manifest.csv", "invalid_rows": "skip", "transfer": {"store": "s"}}
    compile_plan(load(options), tmp_path)
    [good], [bad] = members(tmp_path, "a"), members(tmp_path, "b")
    assert good.files == ("Zelle 1.tif",)
    assert good.tags == ("x", "y")
    assert good.key_values == (("Färbung", "DAPI, GFP"),)
    assert (good.target, good.transfer, good.problem) == ("Screen:name:S", "cp", None)
    assert bad.problem is not None
    assert "does not exist" in bad.problem.cause


def test_the_plan_leaves_out_what_is_by_default(tmp_path: Path, compile_rows: Compile) -> None:
    compile_rows("a")
    line = (tmp_path / "results" / "plan" / "a.jsonl").read_text()
    assert json.loads(line) == {"id": "a", "row": 2, "path": str(tmp_path / "a.tif")}


def test_nothing_is_written_when_nothing_changed(tmp_path: Path, compile_rows: Compile) -> None:
    compile_rows("a", "b")
    before = plan_files(tmp_path)
    compile_rows("a", "b")
    assert plan_files(tmp_path) == before


def test_an_unchanged_manifest_is_not_read_again(tmp_path: Path, compile_rows: Compile) -> None:
    plan = compile_rows("a", "b")
    (tmp_path / "a.tif").unlink()  # reading the rows again would find it missing
    assert compile_plan(load({"manifest": "manifest.csv"}), tmp_path) == plan


@pytest.mark.parametrize("options", [{"report": {"title": "Other"}}, {"import": {"wait": 1}}])
def test_options_that_do_not_shape_the_plan_do_not_compile_it(
    tmp_path: Path, compile_rows: Compile, options: dict[str, Any]
) -> None:
    compile_rows("a")
    (tmp_path / "a.tif").unlink()
    plan = compile_plan(load({"manifest": "manifest.csv", **options}), tmp_path)
    assert sizes_of(plan) == {"a": 1}


@pytest.mark.parametrize(
    "options",
    [
        {"defaults": {"user": "u"}},
        {"batch_size": 3},
        {"allowed_roots": ["/"]},
        {"transfer": {"store": "s"}},
        {"checksum": {"algorithm": "auto"}},
        {"import": {"minmax": False}},
        {"import": {"exclude": ["clientpath"]}},
    ],
)
def test_options_that_shape_the_plan_compile_it(
    tmp_path: Path, compile_rows: Compile, options: dict[str, Any]
) -> None:
    compile_rows("a")
    (tmp_path / "a.tif").unlink()
    with pytest.raises(ManifestError, match="does not exist"):
        compile_plan(load({"manifest": "manifest.csv", **options}), tmp_path)


def test_a_skipped_row_is_looked_at_again_each_time(tmp_path: Path, compile_rows: Compile) -> None:
    write_manifest(tmp_path, "a", "b")
    (tmp_path / "b.tif").touch()
    config = load({"manifest": "manifest.csv", "invalid_rows": "skip"})
    compile_plan(config, tmp_path)
    assert members(tmp_path, "a")[0].problem is not None
    (tmp_path / "a.tif").touch()
    compile_plan(config, tmp_path)
    assert members(tmp_path, "a")[0].problem is None


def test_a_refused_manifest_leaves_the_earlier_plan(tmp_path: Path, compile_rows: Compile) -> None:
    compile_rows("a", "b")
    before = plan_files(tmp_path)
    write_manifest(tmp_path, "a", "b", "missing")
    with pytest.raises(ManifestError):
        compile_plan(load({"manifest": "manifest.csv"}), tmp_path)
    assert plan_files(tmp_path) == before


@pytest.mark.parametrize("slow", [0, 60])
def test_a_slow_and_a_fast_disk_get_the_same_files(
    tmp_path: Path, compile_rows: Compile, monkeypatch: pytest.MonkeyPatch, slow: int
) -> None:
    monkeypatch.setattr("ingest.plan.SLOW_WRITE", slow)
    ids = [f"f{number:02d}" for number in range(50)]
    plan = compile_rows(*ids, batch_size=1)
    assert [*plan.batches] == ids
    assert [members(tmp_path, batch)[0].id for batch in ids] == ids
    before = plan_files(tmp_path)
    compile_rows(*ids, "f50", batch_size=1)
    after = plan_files(tmp_path)
    assert {name: after[name] for name in before if name[0] == "f"} == {
        name: content for name, content in before.items() if name[0] == "f"
    }


def test_appended_rows_rewrite_no_earlier_batch(tmp_path: Path, compile_rows: Compile) -> None:
    compile_rows(*"abc", batch_size=2)
    before = plan_files(tmp_path)
    plan = compile_rows(*"abcdef", batch_size=2)
    assert list(plan.batches) == ["b00001", "b00002", "b00003", "b00004"]
    after = plan_files(tmp_path)
    assert {after["b00001.jsonl"], after["b00002.jsonl"]} == {
        before["b00001.jsonl"],
        before["b00002.jsonl"],
    }


def test_removed_rows_leave_and_empty_batches_vanish(tmp_path: Path, compile_rows: Compile) -> None:
    compile_rows(*"abcd", batch_size=2)
    plan = compile_rows("a", batch_size=2)
    assert sizes_of(plan) == {"b00001": 1}
    tables = {"index.json", "membership.json", "named_files.json"}
    assert set(plan_files(tmp_path)) == {*tables, "b00001.jsonl"}


def test_a_lost_plan_file_is_written_again(tmp_path: Path, compile_rows: Compile) -> None:
    compile_rows("a", "b")
    before = plan_files(tmp_path)["a.jsonl"][1]
    (tmp_path / "results" / "plan" / "a.jsonl").unlink()
    compile_rows("a", "b")
    assert plan_files(tmp_path)["a.jsonl"][1] == before


def test_a_kill_between_membership_and_index_loses_nothing(
    tmp_path: Path, compile_rows: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_rows(*"abc", batch_size=2)

    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ingest.plan._write_batches", killed)
        with pytest.raises(KeyboardInterrupt):
            compile_rows(*"abcde", batch_size=2)
    plan = compile_rows(*"abcde", batch_size=2)
    assert sizes_of(plan) == {"b00001": 2, "b00002": 1, "b00003": 2}
    assert [fileset.id for fileset in members(tmp_path, "b00003")] == ["d", "e"]


def test_a_missing_plan_is_an_error_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=f"no plan in {tmp_path}"):
        load_index(tmp_path)


def test_a_damaged_plan_is_an_error_with_a_remedy(tmp_path: Path, compile_rows: Compile) -> None:
    compile_rows("a")
    (tmp_path / "results" / "plan" / "index.json").write_text('{"inputs"')
    with pytest.raises(PlanError, match=r"is damaged .* Remove the folder"):
        load_index(tmp_path / "results")


@pytest.mark.parametrize(
    ("filesets", "batches", "size"),
    [
        (1, 1, 1),
        (1_000, 1_000, 1),
        (1_001, 41, 25),
        (5_000, 40, 125),
        (10_000, 40, 250),
        (91_000, 364, 250),
        (100_000, 400, 250),
        (250_500, 999, 251),
    ],
)
def test_auto_makes_many_filesets_worth_a_job(filesets: int, batches: int, size: int) -> None:
    made = assign({}, [f"f{n}" for n in range(filesets)], "auto")
    assert len(made) == batches
    assert next(len(members) for members in made.values()) == size


@pytest.mark.parametrize(
    ("mean_bytes", "size"), [(22_000_000, 250), (500_000_000, 50), (20_000_000_000, 10)]
)
def test_auto_makes_smaller_batches_of_large_filesets(mean_bytes: int, size: int) -> None:
    made = assign({}, [f"f{n}" for n in range(10_000)], "auto", mean_bytes)
    assert {len(members) for members in made.values()} == {size}


def test_growing_past_a_thousand_moves_nobody() -> None:
    first = [f"f{n}" for n in range(1_000)]
    earlier = assign({}, first, "auto")
    later = assign(earlier, [*first, "x", "y", "z"], "auto")
    assert {name: later[name] for name in earlier} == earlier
    assert {name: later[name] for name in later if name not in earlier} == {
        "b00001": ["x", "y", "z"],
    }


def test_numbered_batches_pass_filesets_of_that_name() -> None:
    assert list(assign({}, ["B00001", "a", "b00003", "c"], 2)) == ["b00002", "b00004"]
    assert assign({"b00001": ["a", "b"]}, ["a", "b", "b00001"], 1) == {
        "b00001": ["a", "b"],
        "b00002": ["b00001"],
    }


IDS = st.lists(
    st.sampled_from([f"f{n}" for n in range(12)] + ["b00001", "b00002", "b00007"]), unique=True
)
SIZES: st.SearchStrategy[int | Literal["auto"]] = st.one_of(
    st.just("auto"), st.integers(min_value=1, max_value=5)
)


@given(st.lists(st.tuples(IDS, SIZES), min_size=2, max_size=5))
def test_filesets_never_move_and_are_partitioned(
    versions: list[tuple[list[str], int | Literal["auto"]]],
) -> None:
    batches: dict[str, list[str]] = {}
    for ids, size in versions:
        before = {fileset: name for name, those in batches.items() for fileset in those}
        batches = assign(batches, ids, size)
        now = {fileset: name for name, those in batches.items() for fileset in those}
        assert sorted(chain(*batches.values())) == sorted(ids)
        assert all(batches.values())
        assert {f: now[f] for f in now if f in before} == {f: before[f] for f in now if f in before}
        assert all(those == [f for f in ids if f in those] for those in batches.values())
        # A batch that bears a fileset's name is that fileset's alone, if it was there first.
        assert len({name.lower() for name in batches}) == len(batches)
