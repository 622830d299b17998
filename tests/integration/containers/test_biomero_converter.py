"""A converter nobody here wrote keeps to BIOMERO's contract as we understand it."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import imageformats
from tests.fixtures.built_images import Built

MICROGRAPHS = Path(__file__).parents[2] / "fixtures" / "micrographs"


@pytest.mark.parametrize("runtime", ["apptainer", "podman"])
def test_a_real_micrograph(runtime: str, tmp_path: Path, biomero_image: Built) -> None:
    outputs = tmp_path / "out"
    outputs.mkdir()
    if runtime == "apptainer":
        binds = ["--bind", f"{MICROGRAPHS}:/data:ro", "--bind", f"{outputs}:/output"]
        isolated = ["--containall", "--no-home", "--writable-tmpfs", "--cwd", "/tmp"]
        words = ["apptainer", "run", *isolated, *binds, str(biomero_image.sif)]
    else:
        binds = ["--volume", f"{MICROGRAPHS}:/data:ro", "--volume", f"{outputs}:/output"]
        words = ["podman", "run", "--rm", "--network", "none", *binds, biomero_image.podman]
    contract = ["--inputfile", "/data/nuclei_dsb2018.tif", "--outputfolder", "/output"]
    done = subprocess.run(
        [*words, *contract, "--outputformat", "ometiff"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    (said,) = json.loads(done.stdout.splitlines()[-1])
    converted = outputs / Path(said["full_path"]).relative_to("/output")
    with (
        imageformats.open_planes(MICROGRAPHS / "nuclei_dsb2018.tif") as before,
        imageformats.open_planes(converted) as after,
    ):
        np.testing.assert_array_equal(after.plane(0, 0, 0, 0), before.plane(0, 0, 0, 0))
