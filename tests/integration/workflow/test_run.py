"""Whole runs through `snakemake` against the embedded server."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.fixtures.waiting import wait_until

from .images import write_corrupt_image, write_image
from .workspace import Workspace, kill_everything


def stat_of_tree(folder: Path) -> dict[str, tuple[int, int, str]]:
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            path.stat().st_mode,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_row_is_imported_in_place_and_a_second_run_has_nothing_to_do(
    workspace: Workspace,
) -> None:
    for seed, name in enumerate(("one", "two", "drei Zellen µm")):
        write_image(workspace.folder / "source" / f"{name}.ome.tiff", seed, channels=2)
    before = stat_of_tree(workspace.folder / "source")
    workspace.configure(
        transfer={"store": "store"}, defaults={"target": "Project:name:P/Dataset:name:D"}
    )
    workspace.write_manifest(
        [
            {"fileset": "one", "path": "source/one.ome.tiff", "import_transfer": "ln_s"},
            {
                "fileset": "two",
                "path": "source/two.ome.tiff",
                "transfer": "cp",
                "import_transfer": "ln",
            },
            {
                "fileset": "three",
                "path": "source/drei Zellen µm.ome.tiff",
                "transfer": "ln_s",
                "import_transfer": "cp",
                "tags": "first;second",
                "kv.organism": "Mus musculus",
            },
        ]
    )

    run = workspace.run()

    assert run.status == 0, run.terminal
    table = workspace.table()
    assert {row["status"] for row in table.values()} == {"ok"}
    assert list(table) == ["one", "two", "three"]
    assert stat_of_tree(workspace.folder / "source") == before
    entries = {
        fileset: Path(*workspace.record("import", fileset)["facts"]["repository_files"].values())
        for fileset in table
    }
    assert entries["one"].is_symlink()
    assert entries["one"].resolve() == (workspace.folder / "source/one.ome.tiff").resolve()
    stored = workspace.folder / "store/two/two.ome.tiff"
    assert os.path.samestat(entries["two"].stat(), stored.stat())
    assert not entries["three"].is_symlink()
    for fileset, entry in entries.items():
        (file,) = workspace.record("import", fileset)["files"]
        assert entry.read_bytes() == Path(file["source"]).read_bytes()
        (server_digest,) = workspace.record("import", fileset)["facts"]["server_digests"].values()
        assert server_digest == file["digests"]["Murmur3-128"]

    again = workspace.run()
    assert again.status == 0
    assert "Nothing to be done" in again.terminal


def test_a_dry_run_shows_every_batch_and_starts_nothing(workspace: Workspace) -> None:
    for name in ("one", "two"):
        write_image(workspace.folder / "source" / f"{name}.ome.tiff")
    workspace.write_manifest(
        [{"fileset": name, "path": f"source/{name}.ome.tiff"} for name in ("one", "two")]
    )
    before = stat_of_tree(workspace.folder / "source")

    run = workspace.run("-n")

    assert run.status == 0, run.terminal
    for stage in ("checksum", "transfer", "import", "annotate"):
        for fileset in ("one", "two"):
            assert f"results/{stage}/{fileset}.jsonl" in run.terminal
    assert not (workspace.folder / "omero-embedded").exists()
    assert {path.name for path in workspace.results.iterdir()} == {"plan"}
    assert stat_of_tree(workspace.folder / "source") == before


def test_three_bad_filesets_do_not_stop_the_good_ones_and_only_they_are_done_again(
    workspace: Workspace,
) -> None:
    source = workspace.folder / "source"
    for seed, name in enumerate(("good-1", "gone", "wrong-sum", "good-2")):
        write_image(source / f"{name}.ome.tiff", seed)
    write_corrupt_image(source / "corrupt.ome.tiff")
    digest = hashlib.md5((source / "wrong-sum.ome.tiff").read_bytes()).hexdigest()
    rows = [
        {"fileset": name, "path": f"source/{name}.ome.tiff", "files": f"{name}.ome.tiff"}
        for name in ("good-1", "corrupt", "gone", "wrong-sum", "good-2")
    ]
    for row in rows:
        row["path"] = "source"
    rows[3]["checksum"] = "md5:" + "0" * 32
    workspace.write_manifest(rows)
    workspace.run("-n")
    (source / "gone.ome.tiff").rename(workspace.folder / "elsewhere.tiff")

    run = workspace.run()

    assert run.status != 0
    table = workspace.table()
    assert {name: row["status"] for name, row in table.items()} == {
        "good-1": "ok",
        "corrupt": "error",
        "gone": "error",
        "wrong-sum": "error",
        "good-2": "ok",
    }
    ending = run.terminal[run.terminal.rindex("3 failed:") :]
    for name in ("corrupt", "gone", "wrong-sum"):
        assert name in ending
        assert table[name]["cause"]
    assert ending.count("remedy:") == 3
    assert "Traceback" not in run.terminal
    assert "WorkflowError" not in ending

    write_image(source / "corrupt.ome.tiff", 7)
    (workspace.folder / "elsewhere.tiff").rename(source / "gone.ome.tiff")
    rows[3]["checksum"] = f"md5:{digest}"
    workspace.write_manifest(rows)
    repaired = workspace.run()

    assert repaired.status == 0, repaired.terminal
    after = workspace.table()
    assert {row["status"] for row in after.values()} == {"ok"}
    for name in ("good-1", "good-2"):
        assert after[name] == table[name]
    assert len(workspace.filesets_in_omero()) == 5


def test_a_run_that_is_asked_for_one_fileset_fails_when_that_one_does(workspace: Workspace) -> None:
    write_image(workspace.folder / "source/good.ome.tiff")
    write_corrupt_image(workspace.folder / "source/bad.ome.tiff")
    workspace.write_manifest(
        [{"fileset": name, "path": f"source/{name}.ome.tiff"} for name in ("good", "bad")]
    )

    run = workspace.run("results/checksum/bad.jsonl")

    assert run.status != 0
    ending = run.terminal[run.terminal.rindex("1 failed:") :]
    assert "bad (convert)" in ending
    assert "remedy:" in ending
    assert not (workspace.results / "convert/good.jsonl").exists()


def test_killed_in_mid_import_and_run_again_leaves_one_fileset_per_row(
    workspace: Workspace,
) -> None:
    names = [f"image-{number}" for number in range(6)]
    for seed, name in enumerate(names):
        write_image(workspace.folder / "source" / f"{name}.ome.tiff", seed, 3, 256)
    workspace.write_manifest(
        [{"fileset": name, "path": f"source/{name}.ome.tiff"} for name in names]
    )
    workspace.configure(defaults={"target": "Dataset:name:D"}, batch_size=3)
    before = stat_of_tree(workspace.folder / "source")

    process = workspace.start()
    repository = workspace.folder / "omero-embedded" / "ManagedRepository"
    wait_until(lambda: any(repository.rglob("*.ome.tiff")), "the first link in the repository")
    kill_everything(process)
    run = workspace.run()

    assert run.status == 0, run.terminal
    assert {row["status"] for row in workspace.table().values()} == {"ok"}
    ids = sorted(int(row["fileset_id"]) for row in workspace.table().values())
    assert workspace.filesets_in_omero() == ids
    assert len(list(repository.rglob("*.ome.tiff"))) == len(names)
    assert stat_of_tree(workspace.folder / "source") == before


def test_a_bad_manifest_is_refused_whole_before_anything_is_touched(workspace: Workspace) -> None:
    write_image(workspace.folder / "source/one.ome.tiff")
    workspace.write_manifest(
        [
            {"fileset": "one", "path": "source/one.ome.tiff", "target": "Dataset:D"},
            {"fileset": "two", "path": "source/missing.ome.tiff"},
        ]
    )

    run = workspace.run()

    assert run.status != 0
    assert "Dataset:D" in run.terminal
    assert "missing.ome.tiff" in run.terminal
    assert "Traceback" not in run.terminal
    assert not (workspace.folder / "omero-embedded").exists()


def test_skipped_rows_become_impossible_records_and_the_rest_goes_on(workspace: Workspace) -> None:
    write_image(workspace.folder / "source/one.ome.tiff")
    workspace.configure(invalid_rows="skip")
    workspace.write_manifest(
        [
            {"fileset": "one", "path": "source/one.ome.tiff"},
            {"fileset": "two", "path": "source/missing.ome.tiff"},
        ]
    )

    run = workspace.run()

    assert run.status != 0
    table = workspace.table()
    assert table["one"]["status"] == "ok"
    assert table["two"]["status"] == "impossible"
    assert "missing.ome.tiff" in table["two"]["cause"]

    again = workspace.run()

    assert again.status != 0
    assert "missing.ome.tiff" in again.terminal[again.terminal.rindex("1 failed:") :]


def test_an_omero_that_cannot_be_reached_is_the_last_word(workspace: Workspace) -> None:
    write_image(workspace.folder / "source/one.ome.tiff")
    workspace.configure(omero={"embedded": False, "host": "127.0.0.1", "port": 5})
    workspace.write_manifest([{"fileset": "one", "path": "source/one.ome.tiff"}])

    run = workspace.run(environment={"OMERO_USER": "anna", "OMERO_PASSWORD": "secret"})

    assert run.status != 0
    ending = run.terminal[run.terminal.rindex("before its summary") :]
    assert "OMERO at 127.0.0.1:5 cannot be reached" in ending
    assert "remedy:" in ending
    assert "Traceback" not in run.terminal


def test_rows_that_are_added_leave_earlier_filesets_alone(workspace: Workspace) -> None:
    rows = []
    for seed, name in enumerate(("one", "two")):
        write_image(workspace.folder / "source" / f"{name}.ome.tiff", seed)
        rows.append(
            {"fileset": name, "path": f"source/{name}.ome.tiff", "kv.stain": "DAPI", "tags": "new"}
        )
    workspace.write_manifest(rows[:1])
    first = workspace.run()
    assert first.status == 0, first.terminal
    one = workspace.table()["one"]

    workspace.write_manifest(rows)
    run = workspace.run()

    assert run.status == 0, run.terminal
    assert workspace.table()["one"] == one
    assert workspace.table()["two"]["status"] == "ok"
    assert "results/import/one.jsonl" not in run.terminal
    with workspace.omero() as client:
        from omero.sys import ParametersI

        tags = client.sf.getQueryService().projection(
            "select t.id from TagAnnotation t where t.textValue = 'new'", ParametersI()
        )
        assert len(tags) == 1


def test_tags_that_are_switched_on_later_are_made_and_linked(workspace: Workspace) -> None:
    write_image(workspace.folder / "source/one.ome.tiff")
    workspace.write_manifest(
        [{"fileset": "one", "path": "source/one.ome.tiff", "tags": "late", "kv.stain": "DAPI"}]
    )
    workspace.configure(annotate={"tags": False})
    first = workspace.run()
    assert first.status == 0, first.terminal

    workspace.configure(annotate={"tags": True})
    run = workspace.run()

    assert run.status == 0, run.terminal
    assert list(workspace.record("annotate", "one")["facts"]["tags"]) == ["late"]
