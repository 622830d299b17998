"""The demo's data: what is written, and that its manifest fits it."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from pathlib import Path

import pytest

import imageformats
from ingest.config import Config
from ingest.demo.filesets import write_demo
from ingest.manifest import read_manifest

ROOT = Path(__file__).parents[3]
MICROGRAPHS = ROOT / "tests" / "fixtures" / "micrographs"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the repository's: `demo-data` beside `config/manifest.csv`."""
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder / "demo-data", MICROGRAPHS)
    (folder / "config").mkdir()
    (folder / "config" / "manifest.csv").write_bytes(
        (ROOT / "config" / "manifest.csv").read_bytes()
    )
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_same_bytes_every_time_and_not_many(demo: Path, tmp_path: Path) -> None:
    write_demo(tmp_path, MICROGRAPHS)
    contents = _contents(tmp_path)
    assert contents == _contents(demo / "demo-data")
    assert sum(map(len, contents.values())) < 15_000_000


def test_what_is_there_is_not_touched_and_what_is_cut_short_is_written_anew(
    demo: Path, tmp_path: Path
) -> None:
    shutil.copytree(demo / "demo-data", tmp_path, dirs_exist_ok=True)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    for path in files:
        os.utime(path, (1, 1))
    os.truncate(files[3], 100)
    files[5].unlink()
    assert sorted(write_demo(tmp_path, MICROGRAPHS)) == [files[3], files[5]]
    assert all(path.stat().st_mtime == 1 for path in set(files) - {files[3], files[5]})


def test_the_manifest_is_sound_and_claims_every_file(demo: Path) -> None:
    config = Config.model_validate(
        {"manifest": "config/manifest.csv", "transfer": {"store": "demo-store"}}
    )
    rows = read_manifest(config, demo).rows
    assert not [row.problem for row in rows if row.problem]
    assert {"ln", "cp", "ln_s", "none"} == {row.transfer for row in rows}
    assert {"ln", "cp", "ln_s", "upload"} == {row.import_transfer for row in rows}

    claimed: set[str] = set()
    for row in rows:
        path = Path(row.path)
        named = next(path.glob(row.files[0])) if row.files else path
        (fileset,) = imageformats.resolve(named)
        assert claimed.isdisjoint(fileset.files)
        claimed.update(fileset.files)
    written = {str(path) for path in (demo / "demo-data").rglob("*") if path.is_file()}
    assert written - claimed == {str(demo / "demo-data" / "mitosis" / "MD5SUMS")}


def test_the_manifests_checksum_is_the_files(demo: Path) -> None:
    with (demo / "config" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["checksum"]]
    assert rows
    for row in rows:
        algorithm, _, digest = row["checksum"].partition(":")
        content = (demo / "config" / row["path"]).read_bytes()
        assert hashlib.new(algorithm, content).hexdigest() == digest


@pytest.mark.parametrize(
    ("file", "sizes"),
    [
        ("three-channels/HeLa_DAPI_GFP_Cy5.ome.tif", (512, 512, 1, 3, 1)),
        ("mitosis/mitosis_T0.ome.tif", (256, 256, 1, 2, 4)),
        ("spheroid/spheroid_z-stack.tif", (192, 192, 24, 1, 1)),
        ("plate-HCS-0142/HCS-0142.companion.ome", (176, 176, 1, 2, 1)),
        ("micrographs/nuclei_dsb2018.tif", (512, 512, 1, 1, 1)),
        ("micrographs/cell_phase.png", (550, 660, 1, 1, 1)),
    ],
)
def test_bio_formats_finds_in_them_what_was_meant(
    demo: Path, file: str, sizes: tuple[int, ...]
) -> None:
    for image in imageformats.describe(demo / "demo-data" / file).images:
        found = (image.size_x, image.size_y, image.size_z, image.size_c, image.size_t)
        assert found == sizes


def test_the_plate_has_its_wells_fields_and_run(demo: Path) -> None:
    companion = demo / "demo-data" / "plate-HCS-0142" / "HCS-0142.companion.ome"
    (plate,) = imageformats.describe(companion).plates
    assert (plate.name, plate.rows, plate.columns) == ("HCS-0142", 2, 3)
    assert [(well.row, well.column, len(well.samples)) for well in plate.wells] == [
        (row, column, 2) for row in range(2) for column in range(3)
    ]


def test_the_channels_have_their_names_and_colours(demo: Path) -> None:
    with imageformats.open_planes(
        demo / "demo-data" / "three-channels" / "HeLa_DAPI_GFP_Cy5.ome.tif"
    ) as planes:
        channels = planes.describe().images[0].channels
    assert [(channel.name, channel.colour) for channel in channels] == [
        ("DAPI", 0x3060FFFF),
        ("GFP", 0x00FF40FF),
        ("Cy5", 0xFF00C0FF - 2**32),
    ]
