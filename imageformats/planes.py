"""Pixels and metadata of a fileset through one open reader.

NumPy is loaded by whoever reads pixels (see jvm.py).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from imageformats.jvm import in_java, java_class
from imageformats.metadata import Metadata, well_formed
from imageformats.model import ImageFileset
from imageformats.readers import (
    EVERYTHING,
    METADATA,
    absolute,
    image_reader,
    java_errors,
    open_file,
    reader_class,
    used_files,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# By Bio-Formats' number of a pixel type.
_DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64", "uint8")
# How much of a plane passes through Java at once.
_BAND_BYTES = 16 * 1024 * 1024


class PlaneReader:
    """An open fileset. Threads may share it and take turns; `open_planes` makes it.

    `series`, `z`, `c`, `t` count from 0; c counts the channels as OMERO does (RGB has three).
    """

    def __init__(self, reader: Any, path: str, metadata: Any) -> None:
        self._reader = reader
        self._path = path
        self._metadata = metadata
        self._lock = threading.RLock()

    def describe(self) -> ImageFileset:
        """The metadata of the whole fileset."""
        with self._lock, java_errors(self._path):
            metadata = Metadata(str(self._metadata.dumpXML()))
            return ImageFileset(
                files=used_files(self._reader, self._path),
                reader=reader_class(self._reader),
                format=str(self._reader.getFormat()),
                images=tuple(
                    metadata.image(self._reader, series)
                    for series in range(self._reader.getSeriesCount())
                ),
                plates=metadata.plates(),
            )

    def ome_xml(self) -> str:
        """The metadata as OME-XML; its images are the series, in their order."""
        with self._lock, java_errors(self._path):
            return well_formed(str(self._metadata.dumpXML()))

    def resolutions(self, series: int) -> tuple[tuple[int, int], ...]:
        """Width and height of every level of a series, the full one first."""
        with self._lock, java_errors(self._path):
            sizes = []
            for level in range(self._select(series, 0).getResolutionCount()):
                reader = self._select(series, level)
                sizes.append((int(reader.getSizeX()), int(reader.getSizeY())))
            return tuple(sizes)

    def plane(self, series: int, z: int, c: int, t: int, resolution: int = 0) -> NDArray[Any]:
        """A whole plane as (height, width), in the file's pixel type and this machine's byte order.

        Raises UnreadableImage when the file does not yield it, IndexError when there is none.
        """
        import numpy as np

        with self._lock, java_errors(self._path):
            reader = self._select(series, resolution)
            width, height = int(reader.getSizeX()), int(reader.getSizeY())
            dtype = self._dtype()
            plane = np.empty((height, width), dtype.newbyteorder("="))
            rows = max(1, _BAND_BYTES // (width * dtype.itemsize))
            for y in range(0, height, rows):
                band = min(rows, height - y)
                plane[y : y + band] = self._read(z, c, t, 0, y, width, band)
            return plane

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
        """A rectangle of a plane as (h, w): `x`, `y` is its corner at the top left."""
        with self._lock, java_errors(self._path):
            reader = self._select(series, resolution)
            if x < 0 or y < 0 or x + w > reader.getSizeX() or y + h > reader.getSizeY():
                raise IndexError(f"the tile {x},{y} {w}x{h} is not within the plane")
            return self._read(z, c, t, x, y, w, h)

    def tile_size(self, series: int, resolution: int = 0) -> tuple[int, int]:
        """Width and height of the tiles that are quickest to read."""
        with self._lock, java_errors(self._path):
            reader = self._select(series, resolution)
            return int(reader.getOptimalTileWidth()), int(reader.getOptimalTileHeight())

    def _select(self, series: int, resolution: int) -> Any:
        reader = self._reader
        if not 0 <= series < reader.getSeriesCount():
            raise IndexError(f"there is no series {series}")
        if reader.getSeries() != series:
            reader.setSeries(series)
        if not 0 <= resolution < reader.getResolutionCount():
            raise IndexError(f"there is no resolution {resolution}")
        if reader.getResolution() != resolution:
            reader.setResolution(resolution)
        return reader

    def _dtype(self) -> np.dtype[Any]:
        import numpy as np

        dtype = np.dtype(_DTYPES[self._reader.getPixelType()])
        return dtype.newbyteorder("<" if self._reader.isLittleEndian() else ">")

    def _read(self, z: int, c: int, t: int, x: int, y: int, w: int, h: int) -> NDArray[Any]:
        import numpy as np

        sizes = (self._reader.getSizeZ(), self._reader.getSizeC(), self._reader.getSizeT())
        if not all(0 <= at < size for at, size in zip((z, c, t), sizes, strict=True)):
            raise IndexError(f"there is no plane z={z} c={c} t={t}")
        number = self._reader.getIndex(z, c, t)
        content = self._reader.openBytes(number, x, y, w, h)
        dtype = self._dtype()
        return (
            np.frombuffer(memoryview(content), dtype)
            .reshape(h, w)
            .astype(dtype.newbyteorder("="), copy=True)
        )


@contextmanager
def open_planes(path: str | os.PathLike[str], *, everything: bool = False) -> Iterator[PlaneReader]:
    """Open the fileset that the file `path` belongs to. Raises UnreadableImage.

    With `everything` the OME-XML has the regions of interest and the vendor's own metadata too.
    """
    name = absolute(path)
    with image_reader(EVERYTHING if everything else METADATA) as reader:
        with in_java():
            metadata = java_class("loci.formats.MetadataTools").createOMEXMLMetadata()
        open_file(reader, name, metadata)
        yield PlaneReader(reader, name, metadata)


def describe(path: str | os.PathLike[str]) -> ImageFileset:
    """The metadata of the fileset that the file `path` belongs to. Raises UnreadableImage."""
    with open_planes(path) as planes:
        return planes.describe()
