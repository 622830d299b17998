from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.ome_tiff import write_plate, write_time_series
from tests.integration.audit.house import House
from tests.integration.ingest_omero.rig import Server, write_image

TRANSFERS = ("ln_s", "ln", "cp", "upload", "ln_rm", "cp_rm", "upload_rm")
STORED = (("ln", "ln_s"), ("cp", "ln_s"), ("ln_s", "ln_s"), ("mv", "ln_s"), ("cp", "ln"),
          ("ln", "ln"), ("ln_s", "cp"))  # fmt: skip
SEVERAL = """\
set -e
cp "$1" "$2/one.tif"
cp "$3" "$2/two.tif"
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("omero"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, server: Server) -> House:
    """Rows of all transfers and stores, of several files, a plate, and converted ones."""
    folder = tmp_path_factory.mktemp("house")
    house = House(folder, server, {"transfer": {"store": str(folder / "store")}})
    house.options["converters"] = {
        "copy": {"runtime": "host", "command": "cp {input} {output}/{stem}.tif"}
    }
    source = folder / "source"
    for transfer in TRANSFERS:
        house.add(transfer, write_image(source / transfer / "a.tif"), import_transfer=transfer)
    for transfer, import_transfer in STORED:
        name = f"store-{transfer}-{import_transfer}"
        path = write_image(source / name / "a.tif")
        house.add(name, path, transfer=transfer, import_transfer=import_transfer)
    for transfer in ("none", "cp"):
        files = write_time_series(source / f"series-{transfer}")
        house.add(f"series-{transfer}", files[0], transfer=transfer)
    plate = write_plate(source / "plate")
    house.add("plate", plate[0], target="Screen:name:S")
    house.add("converted", write_image(source / "raw" / "b.tif"), convert="copy")
    house.add("uploaded", write_image(source / "raw2" / "b.tif"), convert="copy",
              import_transfer="upload")  # fmt: skip
    house.run()
    return house


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory, server: Server) -> House:
    """Converted rows that keep their originals and are led from scratch to the store; one of them
    becomes several imports, and two share an original."""
    folder = tmp_path_factory.mktemp("archive")
    script = folder / "several.sh"
    script.write_text(SEVERAL)
    house = House(folder, server)
    house.options = {
        "convert": {
            "store": str(folder / "store"),
            "scratch": str(folder / "scratch"),
            "keep_original": "archive",
            "stage_then_redirect": True,
        },
        "converters": {
            "copy": {"runtime": "host", "command": "cp {input} {output}/{stem}.tif"},
            "several": {
                "runtime": "host",
                "command": f"sh {script} {{input}} {{output}} {folder}/source/other.tif",
            },
        },
    }
    write_image(folder / "source" / "other.tif", 1)
    house.add("one", write_image(folder / "source" / "a.tif"), convert="copy")
    house.add("several", write_image(folder / "source" / "b.tif"), convert="several")
    house.run()
    return house


@pytest.fixture(scope="session")
def unbroken(house: House, archive: House) -> list[Path]:
    return [house.folder, archive.folder]
