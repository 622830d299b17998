"""Pixels, whole and in tiles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

import imageformats
from imageformats import planes
from tests.fixtures.ome_tiff import recording, write_ome_tiff, write_plate

MICROGRAPHS = Path(__file__).parents[2] / "fixtures" / "micrographs"


def test_every_plane_of_a_five_dimensional_image(tmp_path: Path) -> None:
    image = recording(t=2, c=2, z=3)
    path = write_ome_tiff(tmp_path / "cells.ome.tif", image)
    with imageformats.open_planes(path) as reader:
        for t, c, z in np.ndindex(image.pixels.shape[:3]):
            plane = reader.plane(0, z, c, t)
            assert plane.dtype == np.uint16
            np.testing.assert_array_equal(plane, image.pixels[t, c, z])


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "float32", "float64"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_pixel_types_in_both_byte_orders(tmp_path: Path, kind: str, order: str) -> None:
    low = 0 if kind.startswith("u") else -100
    pixels = np.linspace(low, 120, 48).reshape(6, 8).astype(kind)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels.astype(np.dtype(kind).newbyteorder(order)), byteorder=order)
    with imageformats.open_planes(path) as reader:
        plane = reader.plane(0, 0, 0, 0)
    assert plane.dtype == np.dtype(kind)
    assert plane.dtype.isnative
    np.testing.assert_array_equal(plane, pixels)


def test_rgb_planes_are_one_per_colour(tmp_path: Path) -> None:
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    tifffile.imwrite(tmp_path / "rgb.tif", pixels, photometric="rgb")
    with imageformats.open_planes(tmp_path / "rgb.tif") as reader:
        for c in range(3):
            np.testing.assert_array_equal(reader.plane(0, 0, c, 0), pixels[..., c])


def test_a_tile_is_a_part_of_its_plane(tmp_path: Path) -> None:
    image = recording(c=2)
    path = write_ome_tiff(tmp_path / "cells.ome.tif", image)
    with imageformats.open_planes(path) as reader:
        tile = reader.tile(0, 0, 1, 0, x=3, y=2, w=5, h=4)
        np.testing.assert_array_equal(tile, image.pixels[0, 1, 0, 2:6, 3:8])
        tile[:] = 0  # the caller's own copy
        np.testing.assert_array_equal(reader.plane(0, 0, 1, 0), image.pixels[0, 1, 0])


def test_a_big_plane_is_read_in_bands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planes, "_BAND_BYTES", 100)
    image = recording(size=21)
    path = write_ome_tiff(tmp_path / "cells.ome.tif", image)
    with imageformats.open_planes(path) as reader:
        np.testing.assert_array_equal(reader.plane(0, 0, 1, 0), image.pixels[0, 1, 0])


def test_lower_resolutions_of_a_pyramid(tmp_path: Path) -> None:
    levels = [np.full((64 >> n, 128 >> n), n + 1, np.uint8) for n in range(3)]
    path = tmp_path / "slide.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(levels[0], subifds=2, tile=(16, 16), metadata={"axes": "YX"})
        for level in levels[1:]:
            tiff.write(level, subfiletype=1, tile=(16, 16))
    with imageformats.open_planes(path) as reader:
        assert reader.resolutions(0) == ((128, 64), (64, 32), (32, 16))
        assert reader.tile_size(0) == (16, 16)
        for number, level in enumerate(levels):
            np.testing.assert_array_equal(reader.plane(0, 0, 0, 0, resolution=number), level)
        np.testing.assert_array_equal(reader.plane(0, 0, 0, 0), levels[0])


def test_the_images_of_a_plate_in_any_order(tmp_path: Path) -> None:
    files = write_plate(tmp_path, columns=3, fields=1)
    for number, path in enumerate(files[1:]):
        pages = tifffile.TiffFile(path).pages
        tifffile.imwrite(
            path,
            np.full((2, 16, 24), number, np.uint16),
            description=pages[0].description.encode(),
            metadata=None,
            photometric="minisblack",
        )
    with imageformats.open_planes(files[0]) as reader:
        assert [int(reader.plane(n, 0, 1, 0).max()) for n in (2, 0, 1)] == [2, 0, 1]


@pytest.mark.parametrize(
    "at", [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 2, 0), (0, 0, 0, 1), (0, 0, -1, 0), (-1, 0, 0, 0)]
)
def test_a_plane_that_is_not_there(tmp_path: Path, at: tuple[int, int, int, int]) -> None:
    path = write_ome_tiff(tmp_path / "cells.ome.tif")
    with imageformats.open_planes(path) as reader, pytest.raises(IndexError):
        reader.plane(*at)


@pytest.mark.parametrize("corner", [(-1, 0), (0, -1), (20, 0), (0, 14)])
def test_a_tile_that_leaves_its_plane(tmp_path: Path, corner: tuple[int, int]) -> None:
    path = write_ome_tiff(tmp_path / "cells.ome.tif")
    with imageformats.open_planes(path) as reader, pytest.raises(IndexError, match="tile"):
        reader.tile(0, 0, 0, 0, *corner, w=5, h=3)


def test_threads_may_share_a_reader_or_have_their_own(tmp_path: Path) -> None:
    image = recording(t=4, c=2, z=2)
    path = write_ome_tiff(tmp_path / "cells.ome.tif", image)
    places = [*np.ndindex(image.pixels.shape[:3])] * 5

    with imageformats.open_planes(path) as shared, ThreadPoolExecutor(4) as pool:

        def read(place: tuple[int, int, int]) -> bool:
            t, c, z = place
            with imageformats.open_planes(path) as own:
                mine = own.plane(0, z, c, t)
            expected = image.pixels[place]
            return np.array_equal(mine, expected) and np.array_equal(
                shared.plane(0, z, c, t), expected
            )

        assert all(pool.map(read, places))


def test_a_real_micrograph() -> None:
    path = MICROGRAPHS / "nuclei_dsb2018.tif"
    with imageformats.open_planes(path) as reader:
        np.testing.assert_array_equal(reader.plane(0, 0, 0, 0), tifffile.imread(path))
