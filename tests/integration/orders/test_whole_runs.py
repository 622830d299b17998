"""Orders through the watch and `snakemake orders` into the embedded OMERO server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from biomero_importer.utils.ingest_tracker import (
    STAGE_IMPORTED,
    STAGE_INGEST_FAILED,
    STAGE_INGEST_STARTED,
    STAGE_NEW_ORDER,
    STAGE_PREPROCESSING,
)

import imageformats
from ingest.records import read_records
from tests.fixtures.built_images import Built
from tests.integration.orders.biomero import Biomero
from tests.integration.orders.postgres import PASSWORD
from tests.integration.workflow.images import write_image
from tests.integration.workflow.workspace import ROOT, Workspace

MICROGRAPH = Path(__file__).parents[2] / "fixtures/micrographs/nuclei_dsb2018.tif"


def watch_once(workspace: Workspace) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "workflow" / "scripts")])
    return subprocess.run(
        [sys.executable, "-m", "ingest.watch", "--configfile", "config.yaml", "--once"],
        cwd=workspace.folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )


def dataset(workspace: Workspace) -> int:
    with workspace.omero() as client:
        from omero.model import DatasetI
        from omero.rtypes import rstring

        made = DatasetI()
        made.name = rstring("ordered")
        return int(client.sf.getUpdateService().saveAndReturnObject(made).id.val)


def test_orders_become_images(biomero: Biomero, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "source").mkdir()
    for name in ("a", "b"):
        write_image(tmp_path / "source" / f"{name}.ome.tif")
    workspace.configure(orders={"enabled": True, "paths": {"/data": str(tmp_path / "source")}})
    target = dataset(workspace)
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


def test_an_order_is_converted_by_the_container_it_names(
    biomero: Biomero, biomero_image: Built, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "source").mkdir()
    shutil.copy(MICROGRAPH, tmp_path / "source/nuclei.tif")
    (tmp_path / "source/broken.tif").write_text("no image")
    converter = {"contract": "biomero", "cpus": 1, "time_limit_minutes": 5}
    workspace.configure(
        converters={
            "podman": {**converter, "image": biomero_image.podman},
            "apptainer": {**converter, "image": str(biomero_image.sif)},
        },
        convert={"store": str(tmp_path / "converted")},
        orders={
            "enabled": True,
            "paths": {"/data": str(tmp_path / "source")},
            "converters": {"biomero/convert:v1": "apptainer"},
        },
    )
    target = dataset(workspace)

    def order(name: str, container: str) -> str:
        return biomero.order(
            [f"/data/{name}"],
            DestinationID=target,
            Username="importer",
            Group="demo",
            preprocessing_container=container,
            preprocessing_inputfile="{Files}",
            preprocessing_outputfolder="/data",
            preprocessing_altoutputfolder="/out",
            extra_params={"outputformat": "ometiff"},
        )

    image = biomero_image.podman.removeprefix("localhost/")
    orders = {
        "podman": order("nuclei.tif", image),
        "apptainer": order("nuclei.tif", "biomero/convert:v1"),
    }
    broken = order("broken.tif", image)
    run = watch_once(workspace)
    assert run.returncode == 1, run.stdout + run.stderr

    begun = [STAGE_NEW_ORDER, STAGE_INGEST_STARTED, STAGE_PREPROCESSING]
    for runtime, uuid in orders.items():
        assert biomero.stages(uuid) == [*begun, STAGE_IMPORTED], biomero.last(uuid).description
        (records,) = (workspace.folder / "intakes/orders" / uuid / "results/convert").iterdir()
        (record,) = read_records(records).values()
        facts = record.facts["conversion"]
        assert facts["runtime"]["name"] == runtime
        assert facts["image_digest"].startswith("sha256:")
        with (
            imageformats.open_planes(MICROGRAPH) as before,
            imageformats.open_planes(record.files[0].path) as after,
        ):
            np.testing.assert_array_equal(after.plane(0, 0, 0, 0), before.plane(0, 0, 0, 0))
    assert biomero.stages(broken) == [*begun, STAGE_INGEST_FAILED]
    assert "broken.tif" in str(biomero.last(broken).description)
    assert len(workspace.filesets_in_omero()) == 2
