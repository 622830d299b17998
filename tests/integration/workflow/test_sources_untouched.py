"""No path of ours writes to a source: on a mount that nobody can write to, and watched."""

from __future__ import annotations

import errno
import hashlib
import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.ome_tiff import write_plate, write_time_series
from tests.fixtures.read_only import read_only
from tests.fixtures.writes import watched

from .images import write_image
from .workspace import Workspace

COPY = {"runtime": "host", "command": "cp {input} {output}/{stem}.ome.tif"}
# Of those that leave sources alone; `ln` gives a file one more name, on its own file system.
TRANSFERS = tuple(itertools.product(("none", "cp", "ln_s"), ("ln_s", "cp", "upload")))
LINKING = (("ln", "ln_s"), ("none", "ln"), ("ln", "ln"))


def fill(folder: Path) -> list[dict[str, str]]:
    """Files for a row of each transfer, of several files, a plate, and a converted one; the rows.

    Those that `LINKING` makes links of are not among them.
    """
    rows = []
    for seed, (transfer, import_transfer) in enumerate(TRANSFERS):
        name = f"{transfer}-{import_transfer}"
        path = write_image(folder / name / "a.ome.tif", seed)
        rows.append({"fileset": name, "path": str(path), "transfer": transfer,
                     "import_transfer": import_transfer})  # fmt: skip
    rows.append({"fileset": "series", "path": str(write_time_series(folder / "series")[0])})
    rows.append({"fileset": "plate", "path": str(write_plate(folder / "plate")[0])})
    path = write_image(folder / "raw" / "a.ome.tif", 50)
    rows.append({"fileset": "converted", "path": str(path), "convert": "copy",
                 "tags": "new", "kv.stain": "DAPI"})  # fmt: skip
    return rows


def state(folder: Path, links: bool = True) -> dict[str, tuple[Any, ...]]:
    """Bytes, times, modes, owners, inodes and numbers of links of all that is in a folder."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        stat = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (
            digest, stat.st_mtime_ns, stat.st_mode, stat.st_uid, stat.st_gid, stat.st_ino,
            stat.st_nlink if links else None,
        )  # fmt: skip
    return found


def configure(workspace: Workspace) -> None:
    workspace.configure(
        transfer={"store": "store"},
        converters={"copy": COPY},
        convert={"keep_original": "archive"},
        batch_size=20,
    )


def check_run(workspace: Workspace, rows: list[dict[str, str]]) -> None:
    run = workspace.run()
    assert run.status == 0, run.terminal
    assert {row["status"] for row in workspace.table().values()} == {"ok"}
    assert len(workspace.table()) == len(rows)


def test_sources_that_nobody_can_write_to(workspace: Workspace) -> None:
    source = workspace.folder / "source"
    rows: list[dict[str, str]] = []
    configure(workspace)

    with read_only(source, lambda folder: rows.extend(fill(folder))):
        with pytest.raises(OSError, match="Read-only") as refused:
            (source / "new").touch()
        assert refused.value.errno == errno.EROFS
        workspace.write_manifest(rows)
        before = state(source)

        check_run(workspace, rows)
        audit = workspace.run("audit")

        assert audit.status == 0, audit.terminal
        assert state(source) == before


def test_nothing_opens_a_source_for_writing(workspace: Workspace) -> None:
    source = workspace.folder / "source"
    configure(workspace)
    rows = fill(source)
    linked = set()
    for seed, (transfer, import_transfer) in enumerate(LINKING, start=100):
        name = f"{transfer}-{import_transfer}-linked"
        path = write_image(source / name / "a.ome.tif", seed)
        linked.add(path)
        rows.append({"fileset": name, "path": str(path), "transfer": transfer,
                     "import_transfer": import_transfer})  # fmt: skip
    workspace.write_manifest(rows)
    before = state(source, links=False)

    with watched([source, *source.rglob("*")]) as watch:
        check_run(workspace, rows)
        audit = workspace.run("audit")
        assert audit.status == 0, audit.terminal
        happened = set(watch.happened())

        # What a link changes of its file is the number of its names.
        assert happened == {(path, "attributes changed") for path in linked}
        assert state(source, links=False) == before
        # The watch would have told.
        one = Path(rows[0]["path"])
        one.open("r+b").close()
        assert (one, "was open for writing") in watch.happened()
