"""omero::api::RenderingEngine: pictures of sections by rendering settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import omero
import omero.model
import omero.romio
from numpy.typing import NDArray
from omero.rtypes import rbool, rdouble, rint, unwrap

from omero_embedded.pixels.rendering import full_range, render
from omero_embedded.pixels.settings import (
    active_views,
    find_settings,
    is_inversion,
    pixels_with_channels,
    reset_settings,
    settings_by_id,
)
from omero_embedded.pixels.source import Readers, find_source
from omero_embedded.pixels.thumbnails import jpeg
from omero_embedded.repository.files import Repository
from omero_embedded.services.pyramid import Pyramid
from omero_embedded.sessions.acting import actor_of
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

# By the names of omero::constants::projection::ProjectionType.
_PROJECTIONS: dict[str, Callable[..., NDArray[Any]]] = {
    "MAXIMUMINTENSITY": np.max,
    "MEANINTENSITY": np.mean,
    "SUMINTENSITY": np.sum,
}


class Rendering(Pyramid):
    """Works on a copy of the settings, which are kept only when the client saves them."""

    def __init__(self, repository: Repository, readers: Readers) -> None:
        super().__init__(readers)
        self._repository = repository
        self._pixels: Any = None
        self._settings: Any = None
        self._removed: list[int] = []
        self._compression = 0.85

    def lookupPixels(self, call: Call, pixels_id: int) -> None:
        actor = actor_of(call)
        self._choose(find_source(self._repository, actor, pixels_id))
        with self._repository.store.read(actor) as work:
            self._pixels = pixels_with_channels(work, pixels_id)
        self._settings = None

    def lookupRenderingDef(self, call: Call, pixels_id: int) -> bool:
        with self._repository.store.read(actor_of(call)) as work:
            self._settings = find_settings(work, pixels_id)
        return self._settings is not None

    def loadRenderingDef(self, call: Call, settings_id: int) -> None:
        with self._repository.store.read(actor_of(call)) as work:
            self._settings = settings_by_id(work, settings_id)
        if self._settings is None:
            raise errors.validation(f"there is no RenderingDef {settings_id}")

    def load(self, call: Call) -> None:
        self._check()

    def resetDefaultSettings(self, call: Call, save: bool) -> int:
        with self._repository.store.write(actor_of(call)) as work:
            self._settings = reset_settings(work, self._source.pixels_id)
        return int(self._settings.id.val)

    def saveCurrentSettings(self, call: Call) -> None:
        with self._repository.store.write(actor_of(call)) as work:
            work.save(self._check())
            work.delete("ReverseIntensityContext", self._removed)
        self._removed.clear()

    def getRenderingDefId(self, call: Call) -> int:
        return int(self._check().id.val)

    def getPixels(self, call: Call) -> Any:
        return self._pixels

    def getModel(self, call: Call) -> Any:
        return self._check().model

    def setModel(self, call: Call, model: Any) -> None:
        self._check().model = model

    def getAvailableModels(self, call: Call) -> list[Any]:
        return self._enumeration(call, "RenderingModel")

    def getAvailableFamilies(self, call: Call) -> list[Any]:
        return self._enumeration(call, "Family")

    def _enumeration(self, call: Call, kind: str) -> list[Any]:
        with self._repository.store.read(actor_of(call)) as work:
            return work.find_by(kind)

    def getDefaultZ(self, call: Call) -> int:
        return int(self._check().defaultZ.val)

    def getDefaultT(self, call: Call) -> int:
        return int(self._check().defaultT.val)

    def setDefaultZ(self, call: Call, z: int) -> None:
        self._check().defaultZ = rint(z)

    def setDefaultT(self, call: Call, t: int) -> None:
        self._check().defaultT = rint(t)

    def getQuantumDef(self, call: Call) -> Any:
        return self._check().quantization

    def getChannelFamily(self, call: Call, channel: int) -> Any:
        return self._binding(channel).family

    def getChannelCurveCoefficient(self, call: Call, channel: int) -> float:
        return float(self._binding(channel).coefficient.val)

    def getChannelNoiseReduction(self, call: Call, channel: int) -> bool:
        return bool(self._binding(channel).noiseReduction.val)

    def getChannelLookupTable(self, call: Call, channel: int) -> str:
        return unwrap(self._binding(channel).lookupTable) or ""

    def setChannelLookupTable(self, call: Call, channel: int, table: str) -> None:
        if table:
            raise errors.api_usage(f"there is no lookup table {table}: a channel has a colour")
        self._binding(channel).lookupTable = None

    def setQuantizationMap(
        self, call: Call, channel: int, family: Any, coefficient: float, noise_reduction: bool
    ) -> None:
        binding = self._binding(channel)
        with self._repository.store.read(actor_of(call)) as work:
            binding.family = work.get("Family", unwrap(family.id))
        binding.coefficient, binding.noiseReduction = rdouble(coefficient), rbool(noise_reduction)

    def getCodomainMapContext(self, call: Call, channel: int) -> list[Any]:
        contexts: list[Any] = self._binding(channel).copySpatialDomainEnhancement()
        return contexts

    def addCodomainMapToChannel(self, call: Call, context: Any, channel: int) -> None:
        _check_inversion(context)
        self.removeCodomainMapFromChannel(call, context, channel)
        made = omero.model.ReverseIntensityContextI()
        made.reverse = rbool(True)
        self._binding(channel).addCodomainMapContext(made)

    def removeCodomainMapFromChannel(self, call: Call, context: Any, channel: int) -> None:
        _check_inversion(context)
        binding = self._binding(channel)
        for known in filter(is_inversion, binding.copySpatialDomainEnhancement()):
            binding.removeCodomainMapContext(known)
            if known.id is not None:
                self._removed.append(known.id.val)

    def getChannelStats(self, call: Call, channel: int) -> list[float]:
        stats = self._pixels.getChannel(channel).statsInfo
        if stats is None:
            return list(full_range(self._source.pixel_type))
        return [stats.globalMin.val, stats.globalMax.val]

    def getChannelWindowStart(self, call: Call, channel: int) -> float:
        return float(self._binding(channel).inputStart.val)

    def getChannelWindowEnd(self, call: Call, channel: int) -> float:
        return float(self._binding(channel).inputEnd.val)

    def setChannelWindow(self, call: Call, channel: int, start: float, end: float) -> None:
        binding = self._binding(channel)
        binding.inputStart, binding.inputEnd = rdouble(start), rdouble(end)

    def getRGBA(self, call: Call, channel: int) -> list[int]:
        binding = self._binding(channel)
        return [binding.red.val, binding.green.val, binding.blue.val, binding.alpha.val]

    def setRGBA(self, call: Call, channel: int, r: int, g: int, b: int, a: int) -> None:
        binding = self._binding(channel)
        binding.red, binding.green, binding.blue, binding.alpha = (rint(v) for v in (r, g, b, a))

    def isActive(self, call: Call, channel: int) -> bool:
        return bool(self._binding(channel).active.val)

    def setActive(self, call: Call, channel: int, active: bool) -> None:
        self._binding(channel).active = rbool(active)

    def isPixelsTypeSigned(self, call: Call) -> bool:
        return self._source.dtype.kind != "u"

    def getPixelsTypeLowerBound(self, call: Call, channel: int) -> float:
        return full_range(self._source.pixel_type)[0]

    def getPixelsTypeUpperBound(self, call: Call, channel: int) -> float:
        return full_range(self._source.pixel_type)[1]

    def setCompressionLevel(self, call: Call, level: float) -> None:
        self._compression = level

    def getCompressionLevel(self, call: Call) -> float:
        return self._compression

    def render(self, call: Call, plane: Any) -> Any:
        picture = self._picture(plane)
        bands = [picture[:, :, band].tobytes() for band in range(3)]
        return omero.romio.RGBBuffer(bands=bands, sizeX1=picture.shape[1], sizeX2=picture.shape[0])

    def renderAsPackedInt(self, call: Call, plane: Any) -> list[int]:
        return _packed(self._picture(plane))

    def renderCompressed(self, call: Call, plane: Any) -> bytes:
        return jpeg(self._picture(plane), round(self._compression * 100))

    def renderProjectedCompressed(
        self, call: Call, algorithm: Any, t: int, stepping: int, start: int, end: int
    ) -> bytes:
        picture = self._projected(algorithm, t, stepping, start, end)
        return jpeg(picture, round(self._compression * 100))

    def renderProjectedAsPackedInt(
        self, call: Call, algorithm: Any, t: int, stepping: int, start: int, end: int
    ) -> list[int]:
        return _packed(self._projected(algorithm, t, stepping, start, end))

    def _projected(
        self, algorithm: Any, t: int, stepping: int, start: int, end: int
    ) -> NDArray[np.uint8]:
        """A picture of the sections from `start` to `end`, each channel's made one."""
        views, source = active_views(self._check()), self._source
        sections = range(start, end + 1, max(1, stepping))
        if not sections:
            raise errors.api_usage(f"there are no sections from {start} to {end}")
        project = _PROJECTIONS[str(algorithm)]
        with self._readers.reader(source) as planes:
            shown = [
                project([planes.plane(source.series, z, v.index, t) for z in sections], axis=0)
                for v in views
            ]
        return render(shown, views) if shown else _black(source.size_x, source.size_y)

    def _picture(self, plane: Any) -> NDArray[np.uint8]:
        if plane.slice != omero.romio.XY:
            raise errors.api_usage("the embedded server renders sections in x and y only")
        views, source = active_views(self._check()), self._source
        with self._readers.reader(source) as planes:
            sizes = planes.resolutions(source.series)
            level = self._reader_level(sizes)
            x, y, width, height = _within(plane.region, *sizes[level])
            shown = [
                planes.tile(source.series, plane.z, v.index, plane.t, x, y, width, height, level)
                for v in views
            ]
        return render(shown, views) if shown else _black(width, height)

    def _binding(self, channel: int) -> Any:
        bindings = self._check().copyWaveRendering()
        if not 0 <= channel < len(bindings):
            raise errors.api_usage(f"there is no channel {channel}")
        return bindings[channel]

    def _check(self) -> Any:
        if self._settings is None:
            raise errors.api_usage("no rendering settings are loaded")
        return self._settings


def _packed(picture: NDArray[np.uint8]) -> list[int]:
    wide = picture.astype(np.uint32)
    packed = 0xFF000000 | wide[:, :, 0] << 16 | wide[:, :, 1] << 8 | wide[:, :, 2]
    ints: list[int] = packed.astype(np.uint32).view(np.int32).ravel().tolist()
    return ints


def _black(width: int, height: int) -> NDArray[np.uint8]:
    return np.zeros((height, width, 3), np.uint8)


def _check_inversion(context: Any) -> None:
    if not isinstance(context, omero.romio.ReverseIntensityMapContext):
        raise errors.not_here(f"a {type(context).__name__}")


def _within(region: Any, width: int, height: int) -> tuple[int, int, int, int]:
    """What there is of a region (None: all) of a plane: x, y, width and height."""
    if region is None:
        return 0, 0, width, height
    if not (0 <= region.x < width and 0 <= region.y < height):
        raise errors.api_usage(f"the region {region.x},{region.y} is not within the plane")
    x, y = region.x, region.y
    return x, y, min(region.width, width - x), min(region.height, height - y)
