"""Whole runs whose import removes the sources."""

from __future__ import annotations

import os
from pathlib import Path

from ingest.records import read_records
from tests.fixtures.waiting import wait_until

from .images import write_corrupt_image, write_image
from .workspace import Workspace, kill_everything

REMOVING = ("ln_rm", "cp_rm", "upload_rm")


def stored(workspace: Workspace, fileset: str) -> Path:
    for path in (workspace.results / "import").glob("*.jsonl"):
        if fileset in (records := read_records(path)):
            (stored,) = records[fileset].facts["repository_files"].values()
            return Path(stored)
    raise AssertionError(f"{fileset} was not imported")


def test_sources_are_removed_once_and_a_rerun_has_nothing_to_do(workspace: Workspace) -> None:
    content = {}
    for seed, how in enumerate(REMOVING):
        path = write_image(workspace.folder / "source" / how / "image.ome.tiff", seed)
        (path.parent / "notes.txt").write_text("not of the fileset")
        content[how] = path.read_bytes()
    broken = write_corrupt_image(workspace.folder / "source/broken.ome.tiff")
    rows = [
        {"fileset": how, "path": f"source/{how}/image.ome.tiff", "import_transfer": how}
        for how in REMOVING
    ]
    rows.append({"fileset": "broken", "path": str(broken), "import_transfer": "ln_rm"})
    workspace.write_manifest(rows)
    workspace.configure(batch_size=4)

    run = workspace.run()

    assert run.status != 0
    table = workspace.table()
    assert {how: table[how]["status"] for how in REMOVING} == dict.fromkeys(REMOVING, "ok")
    assert table["broken"]["status"] != "ok"
    assert broken.exists()
    for how in REMOVING:
        assert stored(workspace, how).read_bytes() == content[how]
        left = sorted(path.name for path in (workspace.folder / "source" / how).iterdir())
        assert left == ["notes.txt"]
    filesets = workspace.filesets_in_omero()

    write_image(broken, 7)
    repaired = workspace.run()

    assert repaired.status == 0, repaired.terminal
    assert not broken.exists()
    assert len(workspace.filesets_in_omero()) == len(filesets) + 1
    again = workspace.run()
    assert again.status == 0, again.terminal
    assert "Nothing to be done" in again.terminal

    # A row that is added has the manifest read again, and the rows without sources with it.
    write_image(workspace.folder / "source/later.ome.tiff", 8)
    workspace.write_manifest([*rows, {"fileset": "later", "path": "source/later.ome.tiff"}])
    added = workspace.run()
    assert added.status == 0, added.terminal
    assert len(workspace.filesets_in_omero()) == len(filesets) + 2

    # Another file where a source was: an error, and the file stays.
    other = write_image(workspace.folder / "source/ln_rm/image.ome.tiff", 9)
    run = workspace.run("--forcerun", "convert")
    assert run.status != 0
    assert workspace.table()["ln_rm"]["status"] == "error"
    assert "was imported already" in workspace.table()["ln_rm"]["cause"]
    assert {workspace.table()[how]["status"] for how in ("cp_rm", "upload_rm")} == {"ok"}
    assert other.exists()
    assert len(workspace.filesets_in_omero()) == len(filesets) + 2


def test_killed_while_it_imports_and_removes(workspace: Workspace) -> None:
    names = [f"image-{number}" for number in range(4)]
    content = {}
    for seed, name in enumerate(names):
        path = write_image(workspace.folder / "source" / f"{name}.ome.tiff", seed, 3, 256)
        content[name] = path.read_bytes()
    workspace.write_manifest(
        [{"fileset": name, "path": f"source/{name}.ome.tiff"} for name in names]
    )
    workspace.configure(defaults={"import_transfer": "ln_rm"}, batch_size=4)

    process = workspace.start()
    sources = [workspace.folder / "source" / f"{name}.ome.tiff" for name in names]
    wait_until(lambda: not all(map(os.path.exists, sources)), "the first removal")
    kill_everything(process)
    run = workspace.run()

    assert run.status == 0, run.terminal
    assert len(workspace.filesets_in_omero()) == len(names)
    assert {name: stored(workspace, name).read_bytes() for name in names} == content
    assert not any(source.exists() for source in sources)


def test_a_transfer_of_the_sites_own(workspace: Workspace) -> None:
    source = write_image(workspace.folder / "source/one.ome.tiff")
    (workspace.folder / "site").mkdir()
    (workspace.folder / "site/site_transfers.py").write_text(
        "import shutil\n\ndef copy(source, copied):\n    shutil.copyfile(source, copied)\n"
    )
    rows = [{"fileset": "one", "path": str(source), "import_transfer": "site_transfers:copied"}]
    workspace.write_manifest(rows)
    workspace.configure(**{"import": {"transfer_folder": "site"}})

    refused = workspace.run()
    assert refused.status != 0
    assert "row 2, column import_transfer, fileset one" in refused.terminal
    assert "has no function copied" in refused.terminal
    assert "Traceback" not in refused.terminal

    workspace.write_manifest([{**rows[0], "import_transfer": "site_transfers:copy"}])
    run = workspace.run()
    assert run.status == 0, run.terminal
    assert stored(workspace, "one").read_bytes() == source.read_bytes()
    assert not stored(workspace, "one").is_symlink()
