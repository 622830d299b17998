"""A plane as tiles at every resolution."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from ometiff import pyramid
from ometiff.pyramid import Levels, halved, level_sizes


def joined(tiles: Any, width: int, height: int, samples: int, dtype: Any) -> NDArray[Any]:
    plane = np.zeros((height, width, samples), dtype)
    places = [(y, x) for y in range(0, height, pyramid.TILE) for x in range(0, width, pyramid.TILE)]
    for (y, x), tile in zip(places, tiles, strict=True):
        plane[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    return plane


def levels_of(plane: NDArray[Any], folder: Path) -> list[NDArray[Any]]:
    height, width, samples = plane.shape
    levels = Levels(
        (width, height),
        samples,
        plane.dtype,
        lambda x, y, w, h: plane[y : y + h, x : x + w],
        folder,
    )
    return [
        joined(tiles, *size, samples, plane.dtype)
        for size, tiles in zip(levels.sizes, levels, strict=True)
    ]


def test_sizes_halve_until_one_tile_holds_the_plane() -> None:
    assert level_sizes(512, 512) == [(512, 512)]
    assert level_sizes(513, 20) == [(513, 20), (257, 10)]
    assert level_sizes(2049, 3) == [(2049, 3), (1025, 2), (513, 1), (257, 1)]


@given(arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 9)] * 3)))
def test_half_a_tile_is_the_rounded_mean(tile: NDArray[Any]) -> None:
    small = halved(tile)
    assert small.shape == ((tile.shape[0] + 1) // 2, (tile.shape[1] + 1) // 2, tile.shape[2])
    for y, x, c in np.ndindex(small.shape):
        rows = [2 * y, min(2 * y + 1, tile.shape[0] - 1)]
        columns = [2 * x, min(2 * x + 1, tile.shape[1] - 1)]
        total = sum(int(tile[row, column, c]) for row in rows for column in columns)
        assert small[y, x, c] == (total + 2) // 4


@pytest.mark.parametrize("dtype", ["uint32", "int32", "int8", "uint16"])
def test_the_mean_of_extremes_does_not_overflow(dtype: str) -> None:
    for extreme in (np.iinfo(dtype).max, np.iinfo(dtype).min):
        assert (halved(np.full((4, 4, 1), extreme, dtype)) == extreme).all()


def test_floating_point_keeps_its_type_and_fractions() -> None:
    small = halved(np.array([[0, 0.5], [0.25, 0.25]], np.float32)[..., None])
    assert small.dtype == np.float32
    assert small.item() == 0.25


@pytest.mark.parametrize("at_once", [1, 100_000, 64 * 1024 * 1024])
@pytest.mark.parametrize("in_memory", [0, 64 * 1024 * 1024])
@pytest.mark.parametrize("shape", [(1300, 700, 1), (40, 2100, 3)])
def test_levels_do_not_depend_on_the_memory_there_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
    in_memory: int,
    shape: tuple[int, int, int],
) -> None:
    monkeypatch.setattr(pyramid, "_READ_AT_ONCE", at_once)
    monkeypatch.setattr(pyramid, "_IN_MEMORY", in_memory)
    plane = np.random.default_rng(1).integers(0, 65536, shape).astype(np.uint16)
    levels = levels_of(plane, tmp_path)
    np.testing.assert_array_equal(levels[0], plane)
    for above, below in pairwise(levels):
        np.testing.assert_array_equal(below, halved(above))
    assert list(tmp_path.iterdir()) == []


def test_no_region_is_larger_than_what_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyramid, "_READ_AT_ONCE", 2 * 512 * 512)
    asked: list[tuple[int, int]] = []

    def read(x: int, y: int, width: int, height: int) -> NDArray[Any]:
        asked.append((width, height))
        return np.zeros((height, width, 1), np.uint8)

    for tiles in Levels((5000, 1100), 1, np.dtype("uint8"), read, tmp_path):
        for _ in tiles:
            pass
    assert max(width * height for width, height in asked) <= 2 * 512 * 512
    assert sum(width * height for width, height in asked) == 5000 * 1100
