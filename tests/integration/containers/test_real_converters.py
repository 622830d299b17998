"""Real converters through the stage: ours, and one that BIOMERO's people wrote and publish."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import imageformats
from ingest.fileset import Fileset, Record
from ingest.stages.convert import STAGE
from tests.fixtures.built_images import Built
from tests.integration.containers.rig import context_of, files_in

MICROGRAPH = Path(__file__).parents[2] / "fixtures/micrographs/nuclei_dsb2018.tif"
PLAN = Record("a", "plan", "notneeded")


def check(image: Built, form: str, folder: Path, convert: str) -> None:
    options = {"image": str(getattr(image, form)), "contract": "biomero", "cpus": 2}
    context = context_of(folder, {"c": {**options, "time_limit_minutes": 10}})
    record = STAGE.run(Fileset("a", 2, str(MICROGRAPH), convert=convert), PLAN, context)
    (file,) = record.files
    with (
        imageformats.open_planes(MICROGRAPH) as before,
        imageformats.open_planes(file.path) as after,
    ):
        np.testing.assert_array_equal(after.plane(0, 0, 0, 0), before.plane(0, 0, 0, 0))
    assert files_in(folder / "store") == ["a/conversion.json", f"a/{file.name}"]
    facts = record.facts["conversion"]
    assert facts["runtime"]["network"] == "off"
    assert facts["image_digest"].startswith("sha256:")


@pytest.mark.parametrize("form", ["sif", "podman"])
def test_a_converter_that_nobody_here_wrote(
    form: str, biomero_image: Built, tmp_path: Path
) -> None:
    check(biomero_image, form, tmp_path, "c?outputformat=ometiff")


@pytest.mark.parametrize("form", ["sif", "podman"])
def test_the_converter_we_ship(form: str, ometiff_image: Built, tmp_path: Path) -> None:
    check(ometiff_image, form, tmp_path, "c")
