"""Planes that clients write, of images that were made and not imported: one file per Pixels.

It holds the planes one after another as OMERO's own does, big-endian, z before c before t; what
nobody has written yet is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imageformats import PlaneReader


class WrittenPlanes:
    """The file of one Pixels, to be read like an imageformats.PlaneReader, with one series and one
    level. `shape`: sizes in t, c, z, y and x."""

    def __init__(
        self, path: Path, shape: tuple[int, int, int, int, int], dtype: np.dtype[Any]
    ) -> None:
        self._path = path
        self._shape = shape
        self._dtype = dtype

    def resolutions(self, series: int) -> tuple[tuple[int, int], ...]:
        return ((self._shape[4], self._shape[3]),)

    def tile_size(self, series: int) -> tuple[int, int]:
        return min(self._shape[4], 256), min(self._shape[3], 256)

    def plane(self, series: int, z: int, c: int, t: int, resolution: int = 0) -> NDArray[Any]:
        return self.tile(series, z, c, t, 0, 0, self._shape[4], self._shape[3], resolution)

    def tile(
        self,
        series: int,
        z: int,
        c: int,
        t: int,
        x: int,
        y: int,
        w: int,
        h: int,
        resolution: int = 0,
    ) -> NDArray[Any]:
        """A rectangle of a plane as (h, w), in this machine's byte order. Raises IndexError outside
        the pixels, FileNotFoundError before anything was written."""
        self._check(z, c, t, x, y, w, h)
        with self._mapped("r") as planes:
            return planes[t, c, z, y : y + h, x : x + w].astype(self._dtype.newbyteorder("="))

    def write(self, z: int, c: int, t: int, x: int, y: int, w: int, h: int, content: bytes) -> None:
        """Put big-endian pixels into a rectangle of a plane. Raises IndexError outside the pixels,
        ValueError for another number of bytes."""
        self._check(z, c, t, x, y, w, h)
        tile = np.frombuffer(content, self._dtype)
        if tile.size != w * h:
            raise ValueError(f"{len(content)} bytes are not {w}x{h} pixels of {self._dtype.name}")
        with self._mapped("r+") as planes:
            planes[t, c, z, y : y + h, x : x + w] = tile.reshape(h, w)

    def _check(self, z: int, c: int, t: int, x: int, y: int, w: int, h: int) -> None:
        if not all(0 <= at < size for at, size in zip((t, c, z), self._shape, strict=False)):
            raise IndexError(f"there is no plane z={z} c={c} t={t}")
        height, width = self._shape[3:]
        if min(x, y, w, h) < 0 or x + w > width or y + h > height:
            raise IndexError(f"the tile {x},{y} {w}x{h} is not within the plane")

    @contextmanager
    def _mapped(self, mode: Literal["r", "r+"]) -> Iterator[NDArray[Any]]:
        if mode == "r+":
            self._path.parent.mkdir(exist_ok=True)
            with self._path.open("ab") as file:
                file.truncate(int(np.prod(self._shape)) * self._dtype.itemsize)
        yield np.memmap(self._path, self._dtype, mode, shape=self._shape)


# What planes are read from.
Planes = PlaneReader | WrittenPlanes
