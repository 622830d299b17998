"""omero::api::PyramidService: what RawPixelsStore and RenderingEngine have in common."""

from __future__ import annotations

from typing import Any

import omero
import omero.api

from omero_embedded.pixels.source import PixelSource, Readers
from omero_embedded.sessions.servant_map import Stateful
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call


class Pyramid(Stateful):
    """Levels count from 0, the smallest, as OMERO counts them."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._chosen: PixelSource | None = None
        self._level: int | None = None

    def _choose(self, source: PixelSource) -> None:
        self._chosen, self._level = source, None

    @property
    def _source(self) -> PixelSource:
        if self._chosen is None:
            raise errors.api_usage("which pixels? None were chosen before this call")
        return self._chosen

    def requiresPixelsPyramid(self, call: Call) -> bool:
        return False

    def getResolutionLevels(self, call: Call) -> int:
        return len(self._sizes())

    def getResolutionDescriptions(self, call: Call) -> list[Any]:
        return [
            omero.api.ResolutionDescription(sizeX=width, sizeY=height)
            for width, height in self._sizes()
        ]

    def getResolutionLevel(self, call: Call) -> int:
        return len(self._sizes()) - 1 if self._level is None else self._level

    def setResolutionLevel(self, call: Call, level: int) -> None:
        if not 0 <= level < len(self._sizes()):
            raise errors.api_usage(f"there is no resolution level {level}")
        self._level = level

    def getTileSize(self, call: Call) -> list[int]:
        with self._readers.reader(self._source) as planes:
            return list(planes.tile_size(self._source.series))

    def _sizes(self) -> tuple[tuple[int, int], ...]:
        with self._readers.reader(self._source) as planes:
            return planes.resolutions(self._source.series)

    def _reader_level(self, sizes: tuple[tuple[int, int], ...]) -> int:
        """The chosen level as readers count: from 0, the full one."""
        return 0 if self._level is None else len(sizes) - 1 - self._level
