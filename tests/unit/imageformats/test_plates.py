"""Which filesets are plates: what Bio-Formats says, and what is known without asking it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import tifffile

import imageformats
from imageformats import plates
from imageformats.jvm import _jar, java_class
from tests.fixtures.ome_tiff import write_ome_tiff, write_plate

FAKE_PLATE = "p&plates=1&plateRows=1&plateCols=1&fields=1&plateAcqs=1&sizeX=8&sizeY=8.fake"


def test_a_plate_of_ome_tiffs(tmp_path: Path) -> None:
    files = write_plate(tmp_path)
    assert not imageformats.cannot_be_plate(str(files[0]))
    assert [found.is_plate for found in imageformats.resolve(tmp_path)] == [True]


def test_an_ome_tiff_that_is_none(tmp_path: Path) -> None:
    path = write_ome_tiff(tmp_path / "Plate.ome.tif")
    assert imageformats.cannot_be_plate(str(path))
    assert [found.is_plate for found in imageformats.resolve(path)] == [False]


@pytest.mark.parametrize(("name", "is_plate"), [(FAKE_PLATE, True), ("a.fake", False)])
def test_a_format_with_and_without_plates(tmp_path: Path, name: str, is_plate: bool) -> None:
    (tmp_path / name).touch()
    (found,) = imageformats.resolve(tmp_path / name)
    assert found.is_plate is is_plate
    assert bool(imageformats.describe(tmp_path / name).plates) is is_plate


def test_what_is_in_another_file_is_left_open(tmp_path: Path) -> None:
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<BinaryOnly MetadataFile="a.companion.ome" UUID="urn:uuid:1"/></OME>'
    )
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, [[0]], description=xml, metadata=None)
    assert not imageformats.cannot_be_plate(str(path))


@pytest.mark.parametrize("content", [b"", b"II*\0", b"no TIFF"])
def test_what_is_no_ome_tiff_in_spite_of_its_name_is_left_open(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "a.ome.tif"
    path.write_bytes(content)
    assert not imageformats.cannot_be_plate(str(path))


@pytest.mark.parametrize("name", ["a.png", "a.JPG", "/x/b.nd2", "b.lif", "c.dv"])
def test_names_that_say_enough(name: str) -> None:
    assert imageformats.cannot_be_plate(name)


@pytest.mark.parametrize("name", ["a.tif", "a.xml", "a.czi", "a.flex", "a", "a.unknown", "a.htd"])
def test_names_that_leave_it_open(name: str) -> None:
    assert not imageformats.cannot_be_plate(name)


def test_the_names_are_those_that_bio_formats_has_no_plates_for() -> None:
    hcs = str(java_class("loci.formats.FormatTools").HCS_DOMAIN)
    of_plates: set[str] = set()
    of_others: set[str] = set()
    undeclared = set()
    with zipfile.ZipFile(_jar()) as jar:
        for found in java_class("loci.formats.ImageReader").getDefaultReaderClasses().getClasses():
            code, ancestor = b"", found
            while str(ancestor.getName()).startswith("loci.formats.in."):
                code += jar.read(str(ancestor.getName()).replace(".", "/") + ".class")
                ancestor = ancestor.getSuperclass()
            reader = java_class(str(found.getName()))()
            suffixes = {str(each).rpartition(".")[2].lower() for each in reader.getSuffixes()}
            describes = b"setPlateID" in code or hcs.encode() in code
            # These two hand the file on to any other reader.
            if describes or str(found.getSimpleName()) in ("FilePatternReader", "ZipReader"):
                of_plates |= suffixes
            else:
                of_others |= suffixes
            own = jar.read(str(found.getName()).replace(".", "/") + ".class")
            if b"setPlateID" in code and hcs.encode() not in own:
                undeclared.add(str(found.getName()))
    never = {suffix for suffix in of_others - of_plates if suffix.isascii() and " " not in suffix}
    assert never - {"", "tiff"} == plates._NEVER
    assert undeclared <= plates.UNDECLARED
