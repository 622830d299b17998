"""Series of an open fileset into one OME-TIFF."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from imageformats import ImageFileset, PlaneReader
from ometiff import CREATOR
from ometiff.metadata import Metadata, Shape
from ometiff.pyramid import TILE, Levels

COMPRESSIONS = {"zlib": "adobe_deflate", "lzw": "lzw", "none": None}
_DTYPES = {"float": "float32", "double": "float64"}  # where OME's name is another
# A classic TIFF counts to 4 GiB; compression can make noise somewhat larger.
_CLASSIC = 3 * 2**30
_ABOVE_LEVELS = 4 / 3  # a pyramid with all its levels, against the full one alone

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Source:
    """An open fileset and what is known of it."""

    reader: PlaneReader
    fileset: ImageFileset
    metadata: Metadata

    def shape(self, series: int) -> Shape:
        image = self.fileset.images[series]
        return Shape(
            width=image.size_x,
            height=image.size_y,
            z=image.size_z,
            t=image.size_t,
            samples=self.metadata.samples(series, image.size_c, image.rgb),
            pixel_type="uint8" if image.pixel_type == "bit" else image.pixel_type,
        )


def write(
    source: Source, series: Sequence[int], path: Path, compression: str, progress: Progress
) -> None:
    """Write `series` to `path`, which appears there complete or not at all."""
    shapes = {number: source.shape(number) for number in series}
    partial = path.with_name(f".{path.name}.partial")
    try:
        with tifffile.TiffWriter(
            partial, bigtiff=_bytes(shapes) > _CLASSIC, byteorder="<", ome=False, shaped=False
        ) as tiff:
            description: bytes | None = source.metadata.text(shapes).encode()
            for number, shape in shapes.items():
                title = f"image {number + 1} of {len(source.fileset.images)}"
                for plane in range(shape.planes):
                    of_plane = f"{title}: plane {plane + 1} of {shape.planes}"
                    levels = _levels(
                        source.reader, number, shape, plane, path.parent, progress, of_plane
                    )
                    _write_plane(tiff, levels, compression, description)
                    description = None
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _levels(
    reader: PlaneReader,
    series: int,
    shape: Shape,
    plane: int,
    scratch_folder: Path,
    progress: Progress,
    title: str,
) -> Levels:
    """Plane number `plane` in XYCZT, with its lower resolutions."""
    channel = plane % len(shape.samples)
    z = plane // len(shape.samples) % shape.z
    t = plane // len(shape.samples) // shape.z
    samples = shape.samples[channel]
    first = sum(shape.samples[:channel])

    def read(x: int, y: int, width: int, height: int) -> NDArray[Any]:
        progress(f"{title}, {100 * y // shape.height} %")
        colours = [
            reader.tile(series, z, first + colour, t, x, y, width, height)
            for colour in range(samples)
        ]
        return np.stack(colours, axis=-1)

    return Levels((shape.width, shape.height), samples, _dtype(shape), read, scratch_folder)


def _write_plane(
    tiff: tifffile.TiffWriter, levels: Levels, compression: str, description: bytes | None
) -> None:
    """A page with the lower resolutions as its own sub-pages, as OME-TIFF has them."""
    samples = levels.samples
    for number, tiles in enumerate(levels):
        width, height = levels.sizes[number]
        tiff.write(
            tiles,
            shape=(height, width, samples) if samples > 1 else (height, width),
            dtype=levels.dtype,
            tile=(_tile_side(height), _tile_side(width)),
            photometric="rgb" if samples == 3 else "minisblack",
            planarconfig="contig" if samples > 1 else None,
            compression=COMPRESSIONS[compression],
            # Bio-Formats undoes differences of integers, not of floating point numbers.
            predictor=levels.dtype.kind in "iu" and compression != "none",
            subifds=len(levels.sizes) - 1 if number == 0 else None,
            subfiletype=1 if number else 0,
            description=description if number == 0 else None,
            software=CREATOR if number == 0 else False,
            metadata=None,
            maxworkers=len(os.sched_getaffinity(0)),
        )


def _dtype(shape: Shape) -> np.dtype[Any]:
    return np.dtype(_DTYPES.get(shape.pixel_type, shape.pixel_type))


def _tile_side(size: int) -> int:
    """A TIFF's tiles are multiples of 16; a small image needs none of the full size."""
    return min(TILE, math.ceil(size / 16) * 16)


def _bytes(shapes: dict[int, Shape]) -> float:
    return _ABOVE_LEVELS * sum(
        shape.planes * shape.width * shape.height * shape.samples[0] * _dtype(shape).itemsize
        for shape in shapes.values()
    )
