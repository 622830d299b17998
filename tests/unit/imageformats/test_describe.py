"""The OME metadata of a fileset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import imageformats
from imageformats.metadata import Metadata
from imageformats.model import Channel, Quantity
from tests.fixtures.ome_tiff import recording, write_ome_tiff, write_plate, write_time_series

MICROGRAPHS = Path(__file__).parents[2] / "fixtures" / "micrographs"


def _fake(folder: Path, name: str) -> imageformats.ImageFileset:
    path = folder / f"{name}.fake"
    path.touch()
    return imageformats.describe(path)


def test_everything_an_ome_tiff_says(tmp_path: Path) -> None:
    path = write_ome_tiff(tmp_path / "cells.ome.tif", recording(t=2, c=2, z=3, size=16))
    fileset = imageformats.describe(path)
    assert fileset.files == (str(path),)
    assert (fileset.reader, fileset.format) == ("loci.formats.in.OMETiffReader", "OME-TIFF")
    assert fileset.plates == ()
    (image,) = fileset.images
    assert (image.name, image.description) == ("cells", "about cells")
    assert image.acquisition_date == "2024-05-06T07:08:09"
    assert (image.size_x, image.size_y, image.size_z, image.size_c, image.size_t) == (
        *(24, 16),
        *(3, 2, 2),
    )
    assert (image.pixel_type, image.significant_bits) == ("uint16", 16)
    assert (image.dimension_order, image.rgb, image.resolutions) == ("XYZCT", False, 1)
    assert image.physical_size_x == Quantity(0.25, "µm")
    assert image.physical_size_y == Quantity(0.5, "µm")
    assert image.physical_size_z == Quantity(1.5, "µm")
    assert image.time_increment == Quantity(2.5, "s")
    assert image.channels == (
        Channel("DAPI", 0x0000FFFF, Quantity(461, "nm"), Quantity(358, "nm"), "DAPI"),
        Channel("Cy5", 0xFF00FFFF - 2**32, Quantity(670, "nm"), Quantity(650, "nm"), "Cy5"),
    )


def test_a_series_of_files_is_one_image(tmp_path: Path) -> None:
    files = write_time_series(tmp_path, t=3)
    fileset = imageformats.describe(files[1])
    assert [image.size_t for image in fileset.images] == [3]
    assert set(fileset.files) == set(map(str, files))


def test_a_plate(tmp_path: Path) -> None:
    files = write_plate(tmp_path, "HCS", rows=2, columns=1, fields=2)
    fileset = imageformats.describe(files[0])
    assert [image.name for image in fileset.images] == ["0-0-0", "0-0-1", "1-0-0", "1-0-1"]
    (plate,) = fileset.plates
    assert (plate.name, plate.rows, plate.columns) == ("HCS", 2, 1)
    assert (plate.row_naming_convention, plate.column_naming_convention) == ("letter", "number")
    (run,) = plate.acquisitions
    assert run.maximum_field_count == 2
    assert run.start_time == "2024-05-06T07:08:09"
    assert [(well.row, well.column) for well in plate.wells] == [(0, 0), (1, 0)]
    samples = [
        [(sample.image, sample.acquisition) for sample in well.samples] for well in plate.wells
    ]
    assert samples == [[(0, 0), (1, 0)], [(2, 0), (3, 0)]]
    assert plate.wells[0].samples[1].position_x == Quantity(10.0, "µm")


def test_two_plates_with_two_runs_each(tmp_path: Path) -> None:
    fileset = _fake(tmp_path, "hcs&plates=2&plateRows=1&plateCols=2&fields=2&plateAcqs=2")
    assert len(fileset.images) == 2 * 2 * 2 * 2
    used = [
        sample.image for plate in fileset.plates for well in plate.wells for sample in well.samples
    ]
    assert sorted(number for number in used if number is not None) == list(range(16))
    for plate in fileset.plates:
        assert len(plate.acquisitions) == 2
        assert [s.acquisition for s in plate.wells[0].samples] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "kind", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float", "double"]
)
def test_pixel_types_have_omeros_names(tmp_path: Path, kind: str) -> None:
    assert _fake(tmp_path, f"p&pixelType={kind}").images[0].pixel_type == kind


def test_several_images_in_one_file(tmp_path: Path) -> None:
    fileset = _fake(tmp_path, "many&series=3&sizeC=2")
    assert [(image.series, image.size_c) for image in fileset.images] == [(0, 2), (1, 2), (2, 2)]


def test_rgb_has_a_channel_for_each_colour(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "he.tif", np.zeros((8, 8, 3), "uint8"), photometric="rgb")
    (image,) = imageformats.describe(tmp_path / "he.tif").images
    assert (image.rgb, image.size_c, len(image.channels)) == (True, 3, 3)


def test_a_palette_is_resolved_to_colours(tmp_path: Path) -> None:
    (image,) = _fake(tmp_path, "palette&indexed=true&falseColor=false").images
    assert (image.size_c, len(image.channels)) == (3, 3)


def test_a_pyramid_is_one_image(tmp_path: Path) -> None:
    (image,) = _fake(tmp_path, "slide&sizeX=1024&sizeY=512&resolutions=3").images
    assert (image.size_x, image.resolutions) == (1024, 3)


def test_the_objective(tmp_path: Path) -> None:
    path = write_ome_tiff(tmp_path / "lens.ome.tif")
    content = path.read_bytes()
    instrument = (
        b'<Instrument ID="Instrument:0"><Objective ID="Objective:0:0" Model="Plan Apo" '
        b'NominalMagnification="63" LensNA="1.4" Immersion="Oil"/></Instrument>'
    )
    settings = b'<InstrumentRef ID="Instrument:0"/><ObjectiveSettings ID="Objective:0:0"/>'
    start = content.index(b"<?xml")
    xml = content[start : content.index(b"</OME>") + len(b"</OME>")]
    changed = xml.replace(b"<Image ", instrument + b"<Image ", 1)
    changed = changed.replace(b"<Pixels ", settings + b"<Pixels ", 1)
    tifffile.imwrite(
        path, np.zeros((2, 16, 24), "uint16"), description=changed, metadata=None, ome=False
    )
    objective = imageformats.describe(path).images[0].objective
    assert objective is not None
    assert (objective.model, objective.lens_na, objective.immersion) == ("Plan Apo", 1.4, "Oil")
    assert objective.nominal_magnification == 63


def test_real_micrographs() -> None:
    (nuclei,) = imageformats.describe(MICROGRAPHS / "nuclei_dsb2018.tif").images
    assert (nuclei.size_x, nuclei.size_y, nuclei.pixel_type) == (512, 512, "uint16")
    (cell,) = imageformats.describe(MICROGRAPHS / "cell_phase.png").images
    assert (cell.size_x, cell.size_y, cell.pixel_type) == (550, 660, "uint8")


def test_control_characters_in_a_vendors_metadata_are_dropped() -> None:
    xml = '<OME><Plate Name="a&#x0;b&#1;c\x02d&#x9;e&#956;"/></OME>'
    (plate,) = Metadata(xml).plates()
    assert plate.name == "abcd\teμ"
