"""omero::api::RawPixelsStore: planes, tiles and rows, big-endian; only those of images that were
made by clients can be written."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omero.rtypes import rstring

from omero_embedded.pixels.source import Readers, as_sent, find_source
from omero_embedded.repository.files import Repository
from omero_embedded.services.pyramid import Pyramid
from omero_embedded.sessions.acting import actor_of
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

# OMERO.server's limit for one answer (Ice.MessageSizeMax).
_LARGEST = 250_000_000


class RawPixels(Pyramid):
    def __init__(self, repository: Repository, readers: Readers) -> None:
        super().__init__(readers)
        self._repository = repository
        self._writable = False

    def setPixelsId(self, call: Call, pixels_id: int, bypass: bool) -> None:
        source = find_source(self._repository, actor_of(call), pixels_id)
        with self._repository.store.read(actor_of(call)) as work:
            permissions = work.get("Pixels", pixels_id).details.permissions
        self._writable = source.is_written and bool(permissions.canEdit())
        self._choose(source)

    def getPixelsId(self, call: Call) -> int:
        return self._source.pixels_id

    def prepare(self, call: Call, pixels_ids: list[int]) -> None:
        return None

    def getByteWidth(self, call: Call) -> int:
        return self._source.dtype.itemsize

    def isSigned(self, call: Call) -> bool:
        return self._source.dtype.kind != "u"

    def isFloat(self, call: Call) -> bool:
        return self._source.dtype.kind == "f"

    def getRowSize(self, call: Call) -> int:
        return self._source.size_x * self._source.dtype.itemsize

    def getPlaneSize(self, call: Call) -> int:
        return self._source.size_y * self.getRowSize(call)

    def getStackSize(self, call: Call) -> int:
        return self._source.size_z * self.getPlaneSize(call)

    def getTimepointSize(self, call: Call) -> int:
        return self._source.size_c * self.getStackSize(call)

    def getTotalSize(self, call: Call) -> int:
        return self._source.size_t * self.getTimepointSize(call)

    def getPlane(self, call: Call, z: int, c: int, t: int) -> bytes:
        self._check_size(self.getPlaneSize(call))
        return as_sent(self._plane(z, c, t), self._source)

    def getTile(
        self, call: Call, z: int, c: int, t: int, x: int, y: int, width: int, height: int
    ) -> bytes:
        self._check_size(width * height * self._source.dtype.itemsize)
        source = self._source
        with self._readers.reader(source) as planes:
            level = self._reader_level(planes.resolutions(source.series))
            tile = planes.tile(source.series, z, c, t, x, y, width, height, level)
        return as_sent(tile, source)

    def getRow(self, call: Call, y: int, z: int, c: int, t: int) -> bytes:
        return self.getTile(call, z, c, t, 0, y, self._source.size_x, 1)

    def getCol(self, call: Call, x: int, z: int, c: int, t: int) -> bytes:
        return self.getTile(call, z, c, t, x, 0, 1, self._source.size_y)

    def getStack(self, call: Call, c: int, t: int) -> bytes:
        self._check_size(self.getStackSize(call))
        planes = [as_sent(self._plane(z, c, t), self._source) for z in range(self._source.size_z)]
        return b"".join(planes)

    def getTimepoint(self, call: Call, t: int) -> bytes:
        self._check_size(self.getTimepointSize(call))
        return b"".join(self.getStack(call, c, t) for c in range(self._source.size_c))

    def getHypercube(self, call: Call, offset: Any, size: Any, step: Any) -> bytes:
        """A block in five dimensions, x y z c t, each from an offset in steps."""
        self._check_size(int(np.prod(size)) * self._source.dtype.itemsize)
        x, y, z, c, t = (slice(o, o + n, s) for o, n, s in zip(offset, size, step, strict=True))
        blocks = []
        for time in range(t.start, t.stop, t.step):
            for channel in range(c.start, c.stop, c.step):
                for section in range(z.start, z.stop, z.step):
                    plane = self._plane(section, channel, time)
                    blocks.append(as_sent(plane[y, x], self._source))
        return b"".join(blocks)

    def findMinMax(self, call: Call, channels: list[int]) -> dict[int, list[float]]:
        found = {}
        for c in channels:
            plane = self._plane(self._source.size_z // 2, c, 0)
            found[c] = [float(plane.min()), float(plane.max())]
        return found

    def calculateMessageDigest(self, call: Call) -> bytes:
        digest = hashlib.sha1()
        source = self._source
        for t in range(source.size_t):
            for c in range(source.size_c):
                for z in range(source.size_z):
                    digest.update(as_sent(self._plane(z, c, t), source))
        return digest.digest()

    def setTile(
        self,
        call: Call,
        content: bytes,
        z: int,
        c: int,
        t: int,
        x: int,
        y: int,
        width: int,
        height: int,
    ) -> None:
        if not self._writable:
            raise errors.security(
                f"Pixels {self._source.pixels_id} may not be written: they were imported, or are"
                " not yours"
            )
        try:
            self._source.written.write(z, c, t, x, y, width, height, content)
        except (IndexError, ValueError) as error:
            raise errors.api_usage(str(error)) from error
        except OSError as error:
            raise errors.resource(f"{self._source.path}: {error.strerror}") from error

    def setPlane(self, call: Call, content: bytes, z: int, c: int, t: int) -> None:
        source = self._source
        self.setTile(call, content, z, c, t, 0, 0, source.size_x, source.size_y)

    def setRow(self, call: Call, content: bytes, y: int, z: int, c: int, t: int) -> None:
        self.setTile(call, content, z, c, t, 0, y, self._source.size_x, 1)

    def setStack(self, call: Call, content: bytes, z: int, c: int, t: int) -> None:
        size = self.getPlaneSize(call)
        for section in range(self._source.size_z):
            plane = content[section * size : (section + 1) * size]
            self.setPlane(call, plane, section, c, t)

    def setTimepoint(self, call: Call, content: bytes, t: int) -> None:
        size = self.getStackSize(call)
        for c in range(self._source.size_c):
            self.setStack(call, content[c * size : (c + 1) * size], 0, c, t)

    def save(self, call: Call) -> Any:
        """The Pixels; with the digest of the planes, when they could be written here."""
        pixels_id, actor = self._source.pixels_id, actor_of(call)
        if not self._writable:
            with self._repository.store.read(actor) as work:
                return work.get("Pixels", pixels_id)
        digest = self.calculateMessageDigest(call).hex()
        with self._repository.store.write(actor) as work:
            pixels = work.get("Pixels", pixels_id)
            pixels.sha1 = rstring(digest)
            return work.save(pixels)

    def _plane(self, z: int, c: int, t: int) -> NDArray[Any]:
        source = self._source
        with self._readers.reader(source) as planes:
            level = self._reader_level(planes.resolutions(source.series))
            return planes.plane(source.series, z, c, t, level)

    def _check_size(self, size: int) -> None:
        if size > _LARGEST:
            raise errors.api_usage(
                f"{size} bytes at once are too many: ask for tiles (at most {_LARGEST} bytes)"
            )
