"""The shipped converter as its users run it: its image, with Apptainer and with Podman."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import imageformats
from tests.fixtures.built_images import Built
from tests.fixtures.ome_tiff import write_plate
from tests.fixtures.waiting import PATIENCE, wait_until

MICROGRAPHS = Path(__file__).parents[2] / "fixtures" / "micrographs"

RUNTIMES = ("apptainer", "podman")


def command(runtime: str, image: Built, inputs: Path, outputs: Path) -> list[str]:
    """Inputs read only, no network, and nothing of the one who runs it."""
    outputs.mkdir(exist_ok=True)
    if runtime == "apptainer":
        isolated = ["--containall", "--no-home", "--cleanenv", "--net", "--network", "none"]
        binds = ["--bind", f"{inputs}:/in:ro", "--bind", f"{outputs}:/out"]
        return ["apptainer", "run", *isolated, *binds, str(image.sif)]
    binds = ["--volume", f"{inputs}:/in:ro", "--volume", f"{outputs}:/out"]
    return ["podman", "run", "--rm", "--network", "none", "--read-only", *binds, image.podman]


def run(words: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture(params=RUNTIMES)
def convert(
    request: pytest.FixtureRequest, ometiff_image: Built, tmp_path: Path
) -> Callable[..., list[tuple[Path, dict[str, Any]]]]:
    """Converts a file; each output's path on this side with what the converter says of it."""

    def run_image(source: Path, *options: str) -> list[tuple[Path, dict[str, Any]]]:
        outputs = tmp_path / "out"
        words = command(request.param, ometiff_image, source.parent, outputs)
        contract = ["--inputfile", f"/in/{source.name}", "--outputfolder", "/out"]
        done = run([*words, *contract, *options])
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout.splitlines()[-1])
        return [(outputs / Path(item["full_path"]).relative_to("/out"), item) for item in said]

    return run_image


def assert_same_pixels(source: Path, converted: Path) -> None:
    with imageformats.open_planes(source) as before, imageformats.open_planes(converted) as after:
        images = before.describe().images
        assert len(after.describe().images) == len(images)
        for image in images:
            for t, c, z in np.ndindex(image.size_t, image.size_c, image.size_z):
                np.testing.assert_array_equal(
                    after.plane(image.series, z, c, t), before.plane(image.series, z, c, t)
                )


@pytest.mark.parametrize("name", ["nuclei_dsb2018.tif", "cell_phase.png"])
def test_real_micrographs(name: str, convert: Any) -> None:
    ((converted, said),) = convert(MICROGRAPHS / name)
    assert said["name"] == Path(name).stem
    assert said["alt_path"] is None
    assert said["keyvalues"][0]["Converted from"] == name
    assert_same_pixels(MICROGRAPHS / name, converted)


def test_a_pyramid_of_a_big_endian_stack_under_a_name_of_many_letters(
    tmp_path: Path, convert: Any
) -> None:
    source = tmp_path / "Zellkultur – Größe µm 細胞.tif"
    pixels = np.random.default_rng(1).integers(0, 65536, (2, 900, 1300)).astype(">u2")
    tifffile.imwrite(source, pixels, byteorder=">")
    ((converted, _),) = convert(source, "--compression", "lzw")
    assert converted.name == "Zellkultur – Größe µm 細胞.ome.tiff"
    assert_same_pixels(source, converted)
    with tifffile.TiffFile(converted) as tiff:
        levels = [level.shape for level in tiff.series[0].levels]
        assert levels == [(2, 900, 1300), (2, 450, 650), (2, 225, 325)]
        assert tiff.pages.first.compression.name == "LZW"


def test_several_series_in_one_file_and_in_several(tmp_path: Path, convert: Any) -> None:
    source = tmp_path / "lab&sizeX=60&sizeY=50&sizeC=2&series=3.fake"
    source.touch()
    ((converted, _),) = convert(source)
    assert_same_pixels(source, converted)
    several = convert(source, "--saveoption", "multiple")
    assert len({path for path, _ in several}) == 3
    for series, (path, _) in enumerate(several):
        with (
            imageformats.open_planes(source) as before,
            imageformats.open_planes(path) as after,
        ):
            np.testing.assert_array_equal(after.plane(0, 0, 1, 0), before.plane(series, 0, 1, 0))


def test_a_plate(tmp_path: Path, convert: Any) -> None:
    files = write_plate(tmp_path / "plate", rows=1, columns=2)
    ((converted, _),) = convert(files[0])
    assert imageformats.describe(converted).plates == imageformats.describe(files[0]).plates
    assert_same_pixels(files[0], converted)


def test_both_images_make_the_same_bytes(tmp_path: Path, ometiff_image: Built) -> None:
    made = []
    for runtime in RUNTIMES:
        words = command(runtime, ometiff_image, MICROGRAPHS, tmp_path / runtime)
        source = "/in/nuclei_dsb2018.tif"
        done = run([*words, "--inputfile", source, "--outputfolder", "/out"])
        assert done.returncode == 0, done.stderr
        made.append((tmp_path / runtime / "nuclei_dsb2018.ome.tiff").read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_cannot_be_read_is_said_and_leaves_nothing(
    runtime: str, tmp_path: Path, ometiff_image: Built
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.xyz").write_text("no image")
    words = command(runtime, ometiff_image, tmp_path / "in", tmp_path / "out")
    done = run([*words, "--inputfile", "/in/notes.xyz", "--outputfolder", "/out"])
    assert done.returncode == 1
    assert "/in/notes.xyz: no Bio-Formats reader knows this format" in done.stderr
    assert done.stdout == ""
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_when_it_is_told_to_end_it_leaves_nothing(
    runtime: str, tmp_path: Path, ometiff_image: Built
) -> None:
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "long&sizeX=2000&sizeY=2000&sizeT=5000.fake"
    source.touch()
    outputs = tmp_path / "out"
    words = command(runtime, ometiff_image, source.parent, outputs)
    contract = ["--inputfile", f"/in/{source.name}", "--outputfolder", "/out", "--show_progress"]
    running = subprocess.Popen(
        [*words, *contract], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert running.stderr is not None
    assert any("plane 3 of" in line for line in running.stderr)
    assert list(outputs.iterdir())
    os.killpg(running.pid, signal.SIGTERM)
    running.communicate(timeout=PATIENCE)
    assert running.returncode != 0
    # Podman's client may be gone before its container.
    wait_until(lambda: not list(outputs.iterdir()), "the end of what was written")
