"""The converter's command, run in this process: pixels, metadata, files and words."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

import imageformats
from ometiff import writing
from ometiff.__main__ import main
from tests.fixtures.ome_tiff import recording, write_ome_tiff, write_plate, write_time_series

MICROGRAPHS = Path(__file__).parents[2] / "fixtures" / "micrographs"

Convert = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def convert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Convert:
    def run(source: Path, *options: str) -> list[dict[str, Any]]:
        words = ["--inputfile", str(source), "--outputfolder", str(tmp_path / "out"), *options]
        assert main(words) == 0
        output = capsys.readouterr().out
        assert output.count("\n") == 1
        return json.loads(output)

    return run


def assert_same_images(source: Path, converted: Path) -> None:
    """All that OMERO would see is the same: metadata, plates and every pixel."""
    with (
        imageformats.open_planes(source) as before,
        imageformats.open_planes(converted) as after,
    ):
        expected, found = before.describe(), after.describe()
        assert found.plates == expected.plates
        assert found.files == (str(converted),)
        for old, new in zip(expected.images, found.images, strict=True):
            assert dataclasses.replace(new, resolutions=1, dimension_order="") == (
                dataclasses.replace(old, resolutions=1, dimension_order="")
            )
            for t, c, z in np.ndindex(old.size_t, old.size_c, old.size_z):
                plane = before.plane(old.series, z, c, t)
                again = after.plane(new.series, z, c, t)
                assert again.dtype == plane.dtype
                np.testing.assert_array_equal(again, plane)


@pytest.mark.parametrize("name", ["cell_phase.png", "nuclei_dsb2018.tif"])
def test_real_micrographs(name: str, convert: Convert) -> None:
    (written,) = convert(MICROGRAPHS / name)
    assert_same_images(MICROGRAPHS / name, Path(written["full_path"]))


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_pixel_types_in_both_byte_orders(
    tmp_path: Path, kind: str, order: str, convert: Convert
) -> None:
    values = np.random.default_rng(1).normal(50, 20, (3, 40, 600)).astype(kind)
    source = tmp_path / "a.tif"
    tifffile.imwrite(source, values.astype(np.dtype(kind).newbyteorder(order)), byteorder=order)
    (written,) = convert(source)
    assert_same_images(source, Path(written["full_path"]))


def test_five_dimensions_with_their_metadata(tmp_path: Path, convert: Convert) -> None:
    source = write_ome_tiff(tmp_path / "cells.ome.tif", recording(t=2, c=2, z=3))
    (written,) = convert(source)
    assert written["name"] == "cells"
    assert Path(written["full_path"]) == tmp_path / "out" / "cells.ome.tiff"
    assert written["alt_path"] is None
    assert_same_images(source, Path(written["full_path"]))


def test_a_fileset_of_several_files_becomes_one(tmp_path: Path, convert: Convert) -> None:
    files = write_time_series(tmp_path / "movie", t=3)
    (written,) = convert(files[1])
    assert_same_images(files[0], Path(written["full_path"]))


def test_a_plate_stays_a_plate(tmp_path: Path, convert: Convert) -> None:
    files = write_plate(tmp_path / "plate", rows=2, columns=2)
    (written,) = convert(tmp_path / "plate")
    assert written["name"] == "plate"
    assert_same_images(files[0], Path(written["full_path"]))


def test_rgb_stays_rgb_and_a_palette_becomes_it(tmp_path: Path, convert: Convert) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (600, 530, 3)).astype(np.uint8)
    PillowImage.fromarray(pixels).save(tmp_path / "rgb.bmp")
    PillowImage.fromarray(pixels).quantize(64).save(tmp_path / "palette.gif")
    for name in ("rgb.bmp", "palette.gif"):
        (written,) = convert(tmp_path / name)
        assert_same_images(tmp_path / name, Path(written["full_path"]))
        with tifffile.TiffFile(written["full_path"]) as tiff:
            assert [level.shape for level in tiff.series[0].levels] == [
                (600, 530, 3),
                (300, 265, 3),
            ]
            assert tiff.pages.first.photometric.name == "RGB"


def test_transparency_is_a_channel_like_any_other(tmp_path: Path, convert: Convert) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (50, 60, 4)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["unassalpha"])
    (written,) = convert(tmp_path / "a.tif")
    with imageformats.open_planes(written["full_path"]) as reader:
        for channel in range(4):
            np.testing.assert_array_equal(reader.plane(0, 0, channel, 0), pixels[..., channel])


@pytest.mark.parametrize("compression", ["zlib", "none"])
def test_pages_are_tiled_and_have_their_pyramid_below_them(
    tmp_path: Path, convert: Convert, compression: str
) -> None:
    source = tmp_path / "stack&sizeX=1300&sizeY=900&sizeZ=2&pixelType=uint16.fake"
    source.touch()
    (written,) = convert(source, "--compression", compression)
    with tifffile.TiffFile(written["full_path"]) as tiff:
        assert len(tiff.pages) == 2
        assert [level.shape for level in tiff.series[0].levels] == [
            (2, 900, 1300),
            (2, 450, 650),
            (2, 225, 325),
        ]
        for level in tiff.series[0].levels:
            assert level.keyframe.is_tiled
            assert (level.keyframe.compression == 1) == (compression == "none")
    with imageformats.open_planes(written["full_path"]) as reader:
        assert reader.resolutions(0) == ((1300, 900), (650, 450), (325, 225))


def test_the_same_source_gives_the_same_bytes(tmp_path: Path, convert: Convert) -> None:
    source = write_ome_tiff(tmp_path / "cells.ome.tif", recording(t=2, c=2, z=2, size=600))
    (written,) = convert(source)
    first = Path(written["full_path"]).read_bytes()
    convert(source)
    assert Path(written["full_path"]).read_bytes() == first


def test_what_is_big_is_a_bigtiff(
    tmp_path: Path, convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_CLASSIC", 1000)
    source = write_ome_tiff(tmp_path / "cells.ome.tif", recording(size=64))
    (written,) = convert(source)
    assert Path(written["full_path"]).read_bytes()[:4] == b"II\x2b\x00"
    assert_same_images(source, Path(written["full_path"]))


def test_each_image_in_a_file_of_its_own(tmp_path: Path, convert: Convert) -> None:
    source = tmp_path / "lab&sizeX=60&sizeY=50&sizeC=2&series=3&points=1.fake"
    source.touch()
    written = convert(source, "--saveoption", "multiple")
    assert [item["name"] for item in written] == [
        f"lab&sizeX=60&sizeY=50&sizeC=2&series=3&points=1_{n}_lab"
        + ("" if n == 1 else f"_{n}") for n in (1, 2, 3)
    ]  # fmt: skip
    with imageformats.open_planes(source, everything=True) as before:
        for series, item in enumerate(written):
            with imageformats.open_planes(item["full_path"], everything=True) as after:
                (image,) = after.describe().images
                assert image.name == before.describe().images[series].name
                assert after.ome_xml().count("<ROI ") == 1
                for c in range(2):
                    np.testing.assert_array_equal(
                        after.plane(0, 0, c, 0), before.plane(series, 0, c, 0)
                    )


def test_a_single_file_keeps_every_series_and_region(tmp_path: Path, convert: Convert) -> None:
    source = tmp_path / "lab&sizeX=60&sizeY=50&series=3&points=1.fake"
    source.touch()
    (written,) = convert(source)
    assert_same_images(source, Path(written["full_path"]))
    with (
        imageformats.open_planes(source, everything=True) as before,
        imageformats.open_planes(written["full_path"], everything=True) as after,
    ):
        assert before.ome_xml().count("<ROI ") == after.ome_xml().count("<ROI ") == 3


def test_the_vendors_own_metadata_stay(tmp_path: Path, convert: Convert) -> None:
    source = tmp_path / "a.tif"
    tifffile.imwrite(source, np.zeros((8, 8), np.uint8), software="Scope 7")
    (written,) = convert(source)
    with tifffile.TiffFile(written["full_path"]) as tiff:
        assert "<Key>Software</Key><Value>Scope 7</Value>" in (tiff.ome_metadata or "")


def test_a_copy_for_the_other_folder(tmp_path: Path, convert: Convert) -> None:
    source = write_ome_tiff(tmp_path / "cells.ome.tif")
    (written,) = convert(source, "--altoutputfolder", str(tmp_path / "alt" / "deep"))
    copied = tmp_path / "alt" / "deep" / "cells.ome.tiff"
    assert written["alt_path"] == str(copied)
    assert copied.read_bytes() == Path(written["full_path"]).read_bytes()


def test_key_values_tell_where_it_comes_from(convert: Convert) -> None:
    (written,) = convert(MICROGRAPHS / "nuclei_dsb2018.tif")
    (pairs,) = written["keyvalues"]
    assert pairs["Converted from"] == "nuclei_dsb2018.tif"
    assert imageformats.version() in pairs["Converter"]


def test_progress_goes_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_ome_tiff(tmp_path / "cells.ome.tif", recording(c=2))
    words = ["--inputfile", str(source), "--outputfolder", str(tmp_path), "--show_progress"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert "image 1 of 1: plane 2 of 2" in captured.err
    json.loads(captured.out)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"no image", "no Bio-Formats reader"), (None, "no such file")]
)
def test_what_cannot_be_read_is_named_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, reason: str
) -> None:
    source = tmp_path / "broken.xyz"
    if content is not None:
        source.write_bytes(content)
    assert main(["--inputfile", str(source), "--outputfolder", str(tmp_path / "out")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(source) in captured.err
    assert reason in captured.err
    assert not list(tmp_path.glob("out/*"))


def test_a_plate_is_not_torn_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_plate(tmp_path / "plate")
    words = ["--inputfile", str(tmp_path / "plate"), "--outputfolder", str(tmp_path / "out")]
    assert main([*words, "--saveoption", "multiple"]) == 1
    assert "is a plate" in capsys.readouterr().err


def test_a_folder_with_two_filesets_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for name in "ab":
        write_ome_tiff(tmp_path / "in" / f"{name}.ome.tif")
    words = ["--inputfile", str(tmp_path / "in"), "--outputfolder", str(tmp_path / "out")]
    assert main(words) == 1
    assert "holds 2 filesets" in capsys.readouterr().err


def test_a_failure_half_way_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_ome_tiff(tmp_path / "cells.ome.tif", recording(c=2))
    write_plane = writing._write_plane
    written = []

    def fail_at_second(*arguments: Any) -> None:
        if written:
            raise OSError(28, "No space left on device")
        written.append(arguments)
        write_plane(*arguments)

    monkeypatch.setattr(writing, "_write_plane", fail_at_second)
    assert main(["--inputfile", str(source), "--outputfolder", str(tmp_path / "out")]) == 1
    assert "No space left" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []
