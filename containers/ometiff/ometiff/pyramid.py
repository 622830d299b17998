"""One plane as tiles, at full resolution and at each lower one, in bounded memory.

Each level is made while the one above it is written: of every tile a half as wide and as high goes
to a scratch array. Only that array is as large as a plane, and it is a file when it is big.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TILE = 512  # pixels, wide and high; even, so that half a tile is whole pixels

# A rectangle of the plane at full resolution: x, y, width, height -> (height, width, samples).
ReadRegion = Callable[[int, int, int, int], NDArray[Any]]

_IN_MEMORY = 64 * 1024 * 1024  # bytes of a scratch array that is no file
_READ_AT_ONCE = 64 * 1024 * 1024  # bytes of a region, samples counted


def level_sizes(width: int, height: int) -> list[tuple[int, int]]:
    """(width, height) of each level: halved, rounded up, until one tile holds it all."""
    sizes = [(width, height)]
    while max(sizes[-1]) > TILE:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


class Levels:
    """The levels of one plane, to be taken in turn, each to its end, the full one first."""

    def __init__(
        self,
        size: tuple[int, int],
        samples: int,
        dtype: np.dtype[Any],
        read: ReadRegion,
        scratch_folder: Path,
    ) -> None:
        self.sizes = level_sizes(*size)
        self.samples = samples
        self.dtype = dtype
        self._read = read
        self._scratch_folder = scratch_folder

    def __iter__(self) -> Iterator[Iterator[NDArray[Any]]]:
        """For each level its tiles in rows from the top left, (height, width, samples)."""
        tiles = _source_tiles(self._read, *self.sizes[0], self.samples * self.dtype.itemsize)
        for number, _ in enumerate(self.sizes):
            below = None
            if number + 1 < len(self.sizes):
                width, height = self.sizes[number + 1]
                below = self._scratch((height, width, self.samples))
            yield _keeping_half(tiles, below)
            if below is not None:
                tiles = _tiles_of(below)

    def _scratch(self, shape: tuple[int, ...]) -> NDArray[Any]:
        if np.prod(shape) * self.dtype.itemsize <= _IN_MEMORY:
            return np.empty(shape, self.dtype)
        # It has no name: whatever ends this process, nothing is left in the folder.
        with tempfile.TemporaryFile(dir=self._scratch_folder) as file:
            return np.memmap(file, self.dtype, "w+", shape=shape)


def _source_tiles(
    read: ReadRegion, width: int, height: int, pixel_bytes: int
) -> Iterator[tuple[int, int, NDArray[Any]]]:
    """(x, y, tile) read in as few and as wide regions as memory allows.

    Many formats decode a whole row of strips, or the whole plane, for every region asked for.
    """
    fitting = _READ_AT_ONCE // (pixel_bytes * TILE)
    columns = max(TILE, min(width, fitting // TILE * TILE))
    rows = (
        max(1, _READ_AT_ONCE // (pixel_bytes * columns * TILE)) * TILE if columns >= width else TILE
    )
    for top in range(0, height, rows):
        band_height = min(rows, height - top)
        if columns >= width:
            band = read(0, top, width, band_height)
            for x, y, tile in _tiles_of(band):
                yield x, top + y, tile
            continue
        for left in range(0, width, columns):
            part = read(left, top, min(columns, width - left), band_height)
            for x, y, tile in _tiles_of(part):
                yield left + x, top + y, tile


def _tiles_of(plane: NDArray[Any]) -> Iterator[tuple[int, int, NDArray[Any]]]:
    for y in range(0, plane.shape[0], TILE):
        for x in range(0, plane.shape[1], TILE):
            yield x, y, plane[y : y + TILE, x : x + TILE]


def _keeping_half(
    tiles: Iterator[tuple[int, int, NDArray[Any]]], below: NDArray[Any] | None
) -> Iterator[NDArray[Any]]:
    for x, y, tile in tiles:
        if below is not None:
            small = halved(tile)
            below[y // 2 : y // 2 + small.shape[0], x // 2 : x // 2 + small.shape[1]] = small
        yield tile


def halved(tile: NDArray[Any]) -> NDArray[Any]:
    """Each two by two pixels as their mean; the last row or column of an odd number counts twice.

    Integers are rounded, halves upwards. Shape (height, width, samples), the type as given.
    """
    odd = ((0, tile.shape[0] % 2), (0, tile.shape[1] % 2), (0, 0))
    even = np.pad(tile, odd, mode="edge")
    if tile.dtype.kind in "iu":
        total = _four(even.astype(np.int64))
        return ((total + 2) // 4).astype(tile.dtype)
    return (_four(even.astype(np.float64)) / 4).astype(tile.dtype)


def _four(even: NDArray[Any]) -> NDArray[Any]:
    total: NDArray[Any] = even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2]
    return total
