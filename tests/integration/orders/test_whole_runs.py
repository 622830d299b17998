"""Orders through the watch and `snakemake orders` into the embedded OMERO server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from biomero_importer.utils.ingest_tracker import STAGE_IMPORTED, STAGE_INGEST_FAILED

from tests.integration.orders.biomero import Biomero
from tests.integration.orders.postgres import PASSWORD
from tests.integration.workflow.images import write_image
from tests.integration.workflow.workspace import ROOT, Workspace


def watch_once(workspace: Workspace) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "workflow" / "scripts")])
    return subprocess.run(
        [sys.executable, "-m", "ingest.watch", "--configfile", "config.yaml", "--once"],
        cwd=workspace.folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )


def test_orders_become_images(biomero: Biomero, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "source").mkdir()
    for name in ("a", "b"):
        write_image(tmp_path / "source" / f"{name}.ome.tif")
    workspace.configure(orders={"enabled": True, "paths": {"/data": str(tmp_path / "source")}})
    with workspace.omero() as client:
        from omero.model import DatasetI
        from omero.rtypes import rstring

        dataset = DatasetI()
        dataset.name = rstring("ordered")
        target = client.sf.getUpdateService().saveAndReturnObject(dataset).id.val

    who = {"Username": "importer", "Group": "demo"}
    good = biomero.order(["/data/a.ome.tif", "/data/b.ome.tif"], DestinationID=target, **who)
    refused = biomero.order(["/data/c.ome.tif"], DestinationID=target, **who)
    asked = workspace.run("orders")
    assert "1 orders were taken, 1 refused" in asked.terminal, asked.terminal
    assert asked.status != 0
    assert f"{refused}: " in asked.terminal and "does not exist" in asked.terminal
    lost = biomero.order(["/data/a.ome.tif"], DestinationID=target + 99, **who)

    run = watch_once(workspace)
    assert run.returncode == 1, run.stdout + run.stderr
    assert biomero.stages(good)[-1] == STAGE_IMPORTED, biomero.last(good).description
    assert {biomero.stages(order)[-1] for order in (refused, lost)} == {STAGE_INGEST_FAILED}
    assert f"Dataset {target + 99}" in str(biomero.last(lost).description)
    assert len(workspace.filesets_in_omero()) == 2
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.stat().st_size < 10_000_000:
            assert PASSWORD.encode() not in path.read_bytes(), path
