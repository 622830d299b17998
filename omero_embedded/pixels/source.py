"""Where the planes of a Pixels row come from, and readers that are kept open for a while."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omero.rtypes import unwrap

import imageformats
from imageformats import PlaneReader
from omero_embedded.pixels.written import Planes, WrittenPlanes
from omero_embedded.repository.files import Repository
from omero_embedded.store import Actor, Work
from omero_embedded.wire import errors

_OPEN_AT_MOST = 4
# OMERO's names of pixel types that numpy calls otherwise.
_DTYPES = {"float": "float32", "double": "float64", "bit": "uint8"}


@dataclass(frozen=True, slots=True)
class PixelSource:
    """One Pixels row: its sizes, and which series of which file its planes are. `is_written`: they
    were written by a client, not imported."""

    pixels_id: int
    pixel_type: str
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    series: int
    path: Path
    is_written: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """Big-endian, as OMERO hands out pixels."""
        return np.dtype(_DTYPES.get(self.pixel_type, self.pixel_type)).newbyteorder(">")

    @property
    def written(self) -> WrittenPlanes:
        """The planes that clients wrote."""
        shape = (self.size_t, self.size_c, self.size_z, self.size_y, self.size_x)
        return WrittenPlanes(self.path, shape, self.dtype)


def find_source(repository: Repository, actor: Actor, pixels_id: int) -> PixelSource:
    """The source of pixels that the actor may see. Raises omero.ValidationException for others."""
    with repository.store.read(actor) as work:
        rows = unwrap(
            work.projection(
                "select p.sizeX, p.sizeY, p.sizeZ, p.sizeC, p.sizeT, p.pixelsType.value,"
                " i.series, i.fileset.id from Pixels p join p.image i where p.id = :id",
                {"id": pixels_id},
            )
        )
        if not rows:
            raise errors.validation(f"there are no Pixels {pixels_id} that this user may see")
        x, y, z, c, t, pixel_type, series, fileset_id = rows[0]
        is_written = fileset_id is None
        path = (
            repository.written_pixels / str(pixels_id)
            if is_written
            else repository.path_of(_first_file(work, fileset_id))
        )
    return PixelSource(pixels_id, pixel_type, x, y, z, c, t, series or 0, path, is_written)


def _first_file(work: Work, fileset_id: int) -> Any:
    entries = work.query(
        "select e from FilesetEntry e join fetch e.originalFile where e.fileset.id = :id"
        " order by e.id",
        {"id": fileset_id},
    )
    if not entries:
        raise errors.validation(f"Fileset {fileset_id} has no files that this user may see")
    return entries[0].originalFile


class Readers:
    """Open filesets by their first file; opening one takes a while, so a few stay open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[Path, tuple[contextlib.ExitStack, PlaneReader]] = OrderedDict()
        self._users: dict[Path, int] = {}

    @contextlib.contextmanager
    def reader(self, source: PixelSource) -> Iterator[Planes]:
        """What reads the planes. Raises omero.ResourceError when they cannot be read."""
        planes: Planes = source.written if source.is_written else self._enter(source.path)
        try:
            yield planes
        except imageformats.UnreadableImage as error:
            raise errors.resource(str(error)) from error
        except FileNotFoundError as error:
            raise errors.resource(f"nobody has written Pixels {source.pixels_id} yet") from error
        except IndexError as error:
            raise errors.api_usage(str(error)) from error
        finally:
            if not source.is_written:
                with self._lock:
                    self._users[source.path] -= 1
                    self._close_idle()

    def _enter(self, path: Path) -> PlaneReader:
        with self._lock:
            if path not in self._open:
                stack = contextlib.ExitStack()
                try:
                    planes = stack.enter_context(imageformats.open_planes(path))
                except imageformats.UnreadableImage as error:
                    raise errors.resource(str(error)) from error
                self._open[path] = (stack, planes)
            self._open.move_to_end(path)
            self._users[path] = self._users.get(path, 0) + 1
            return self._open[path][1]

    def close(self) -> None:
        """Close every reader. Nothing may be using one."""
        with self._lock:
            while self._open:
                self._open.popitem()[1][0].close()

    def _close_idle(self) -> None:
        for path in list(self._open):
            if len(self._open) <= _OPEN_AT_MOST:
                return
            if not self._users.get(path):
                self._open.pop(path)[0].close()
                self._users.pop(path, None)


def as_sent(plane: NDArray[Any], source: PixelSource) -> bytes:
    """The bytes of a plane as OMERO's clients take them."""
    return plane.astype(source.dtype, copy=False).tobytes()
