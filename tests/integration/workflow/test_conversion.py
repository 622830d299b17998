"""Whole runs in which some rows are converted, each by another runtime, and some are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tifffile

from tests.fixtures.containers import Images, derive, remove
from tests.fixtures.waiting import wait_until
from tests.integration.containers.converters import chooser

from .images import write_image
from .workspace import Workspace, kill_everything


@pytest.fixture(scope="module")
def converter(mini_image: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    assert mini_image.sif.exists()
    image = derive(tmp_path_factory.mktemp("image"), "workflow-converters", chooser())
    yield image
    remove(image)


def converters(image: Images) -> dict[str, Any]:
    biomero = {"contract": "biomero", "time_limit_minutes": 1}
    return {
        "sandbox": {**biomero, "image": str(image.folder)},
        "sif": {**biomero, "image": str(image.sif)},
        "podman": {**biomero, "image": image.podman},
        "host": {"runtime": "host", "command": "cp {input} {output}/{stem}.ome.tif"},
    }


def planes_in_omero(client: Any, image: int) -> list[bytes]:
    from omero.gateway import BlitzGateway

    pixels = BlitzGateway(client_obj=client).getObject("Image", image).getPrimaryPixels()
    channels = pixels.getSizeC()
    return [plane.tobytes() for plane in pixels.getPlanes([(0, c, 0) for c in range(channels)])]


def key_values(client: Any, image: int) -> dict[str, dict[str, str]]:
    from omero.gateway import BlitzGateway

    found = BlitzGateway(client_obj=client).getObject("Image", image).listAnnotations()
    return {
        each.getNs(): dict(each.getValue())
        for each in found
        if each.OMERO_TYPE.__name__ == "MapAnnotationI"
    }


def test_rows_of_every_runtime_and_of_none_reach_omero_with_their_pixels(
    workspace: Workspace, converter: Images
) -> None:
    rows = {
        "plain": "", "host": "host", "sandbox": "sandbox?which=copies",
        "sif": "sif?which=copies", "podman": "podman?which=copies",
    }  # fmt: skip
    sources = {
        name: write_image(workspace.folder / "source" / name / "cell.ome.tif", seed, channels=2)
        for seed, name in enumerate(rows)
    }
    workspace.configure(converters=converters(converter), convert={"store": "store"})
    workspace.write_manifest(
        [
            {"fileset": name, "path": f"source/{name}/cell.ome.tif", "convert": convert}
            for name, convert in rows.items()
        ]
    )

    run = workspace.run()

    assert run.status == 0, run.terminal
    with workspace.omero() as client:
        for name, source in sources.items():
            facts = workspace.record("import", name)["facts"]
            (image,) = facts["image_ids"]
            pixels = tifffile.imread(source)
            assert planes_in_omero(client, image) == [plane.tobytes() for plane in pixels], name
            (entry,) = facts["repository_files"].values()
            stored = workspace.folder / f"store/{name}/converted/cell.ome.tif"
            assert Path(entry).resolve() == (stored if rows[name] else source).resolve()
            source_link = key_values(client, image)["omero-ingest/source"]
            assert source_link["path"] == str(source.resolve())
            assert ("digest original/cell.ome.tif" in source_link) == bool(rows[name])
    again = workspace.run()
    assert "Nothing to be done" in again.terminal


def test_all_outputs_of_a_row_reach_omero_each_with_its_own_key_values(
    workspace: Workspace, converter: Images
) -> None:
    source = write_image(workspace.folder / "source/cell.ome.tif", 3)
    workspace.configure(
        converters=converters(converter),
        transfer={"store": "store"},
        defaults={"target": "Dataset:@name:Converted"},
    )
    workspace.write_manifest(
        [
            {
                "fileset": "a",
                "path": "source/cell.ome.tif",
                "convert": "podman?which=several",
                "kv.of": "both",
            }
        ]
    )

    run = workspace.run()

    assert run.status == 0, run.terminal
    record = workspace.record("annotate", "a")
    filesets = workspace.filesets_in_omero()
    assert len(filesets) == 2
    assert workspace.table()["a"]["fileset_id"] == ";".join(map(str, filesets))
    images = record["facts"]["image_ids"]
    assert len(images) == 2
    told = []
    with workspace.omero() as client:
        for image in images:
            assert planes_in_omero(client, image) == [tifffile.imread(source).tobytes()]
            pairs = key_values(client, image)
            assert pairs["omero-ingest/key-values"] == {"of": "both"}
            told.append(pairs["omero-ingest/converter"])
        rows = client.sf.getQueryService().projection("select d.id from Dataset d", None)
        assert len(rows) == 1
    assert told == [{"stage": "one", "n": "1, 2"}, {"stage": "two"}]


def test_a_run_that_is_killed_while_it_converts_finishes_when_it_is_run_again(
    workspace: Workspace, converter: Images
) -> None:
    write_image(workspace.folder / "source/cell.ome.tif")
    gate = workspace.folder / "gate"
    script = workspace.folder / "slow.sh"
    script.write_text(
        f'cp "$1" "$2/cell.ome.tif"; touch {gate}-reached; '
        f"while [ ! -e {gate} ]; do sleep 0.1; done\n"
    )
    slow = {"runtime": "host", "command": f"sh {script} {{input}} {{output}}"}
    workspace.configure(converters={"slow": slow}, transfer={"store": "store"})
    workspace.write_manifest([{"fileset": "a", "path": "source/cell.ome.tif", "convert": "slow"}])
    process = workspace.start()
    wait_until(lambda: Path(f"{gate}-reached").exists(), "the conversion")
    kill_everything(process)
    assert not (workspace.folder / "store/a").exists()
    gate.touch()

    run = workspace.run()

    assert run.status == 0, run.terminal
    assert len(workspace.filesets_in_omero()) == 1
    left = {path.name for path in (workspace.folder / "store").rglob("*") if path.is_file()}
    assert left == {"cell.ome.tif", "conversion.json"}


def test_imported_from_scratch_and_led_to_the_store(workspace: Workspace) -> None:
    source = write_image(workspace.folder / "source/cell.ome.tif", 5)
    tool = {"runtime": "host", "command": "cp {input} {output}/{stem}.ome.tif"}
    workspace.configure(
        converters={"c": tool},
        convert={"store": "store", "scratch": "fast", "stage_then_redirect": True},
        defaults={"convert": "c"},
    )
    workspace.write_manifest([{"fileset": "a", "path": "source/cell.ome.tif"}])

    run = workspace.run()

    assert run.status == 0, run.terminal
    facts = workspace.record("annotate", "a")["facts"]
    (entry,) = facts["repository_files"].values()
    stored = workspace.folder / "store/a/converted/cell.ome.tif"
    assert str(Path(entry).readlink()) == str(stored)
    assert not [path for path in (workspace.folder / "fast").rglob("*") if path.is_file()]
    with workspace.omero() as client:
        assert planes_in_omero(client, facts["image_ids"][0]) == [tifffile.imread(source).tobytes()]
    write_image(workspace.folder / "source/other.ome.tif", 6)
    workspace.write_manifest(
        [
            {"fileset": "a", "path": "source/cell.ome.tif", "kv.new": "pair"},
            {"fileset": "b", "path": "source/other.ome.tif"},
        ]
    )
    again = workspace.run()
    assert again.status == 0, again.terminal
    assert len(workspace.filesets_in_omero()) == 2
