"""What omero::api::IPixels makes: images that are not imported, whose planes clients write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import omero
import omero.model
from omero.rtypes import rbool, rdouble, rint, rstring, unwrap

from omero_embedded.imports.statistics import PENDING
from omero_embedded.pixels.settings import pixels_with_channels
from omero_embedded.sessions.acting import actor_of
from omero_embedded.store import Store, Work
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

_OF_IMAGE = (
    "select p from Pixels p left outer join fetch p.channels c"
    " left outer join fetch c.statsInfo where p.image.id = :id order by p.id"
)
_COPIED_OF_IMAGE = (
    "acquisitionDate",
    "objectiveSettings",
    "imagingEnvironment",
    "experiment",
    "stageLabel",
    "instrument",
)
_COPIED_OF_PIXELS = (
    "pixelsType",
    "dimensionOrder",
    "physicalSizeX",
    "physicalSizeY",
    "physicalSizeZ",
)


class NewImages:
    def __init__(self, store: Store) -> None:
        self._store = store

    def createImage(
        self,
        call: Call,
        size_x: int,
        size_y: int,
        size_z: int,
        size_t: int,
        channels: list[int],
        pixels_type: Any,
        name: str,
        description: str,
    ) -> Any:
        """The id of a new image whose planes a client then writes."""
        if not channels:
            raise errors.validation("Channel list must be filled.")
        pixels = omero.model.PixelsI()
        pixels.pixelsType = pixels_type
        for _channel in channels:
            made = omero.model.ChannelI()
            made.logicalChannel = omero.model.LogicalChannelI()
            pixels.addChannel(made)
        with self._store.write(actor_of(call)) as work:
            pixels.dimensionOrder = work.enumeration("DimensionOrder", "XYZCT")
            image = omero.model.ImageI()
            image.description = rstring(description)
            return _saved(work, image, name, pixels, (size_x, size_y, size_z, size_t))

    def copyAndResizeImage(
        self,
        call: Call,
        image_id: int,
        size_x: Any,
        size_y: Any,
        size_z: Any,
        size_t: Any,
        channels: list[int],
        name: str,
        with_statistics: bool,
    ) -> Any:
        """The id of a new image that is described like another, without its planes; a size that is
        null and channels that are none mean the other's."""
        with self._store.write(actor_of(call)) as work:
            source = work.get("Image", image_id)
            found = work.query(_OF_IMAGE, {"id": image_id})
            if not found:
                raise errors.validation(f"Image {image_id} has no pixels")
            known = found[0]
            own = list(known.iterateChannels())
            chosen = channels or range(len(own))
            if not all(0 <= number < len(own) for number in chosen):
                raise errors.validation(f"Image {image_id} has no channels {list(chosen)}")
            image, pixels = omero.model.ImageI(), omero.model.PixelsI()
            for field in _COPIED_OF_IMAGE:
                setattr(image, field, getattr(source, field))
            for field in _COPIED_OF_PIXELS:
                setattr(pixels, field, getattr(known, field))
            for number in chosen:
                pixels.addChannel(_copied(own[number], with_statistics))
            wanted = (size_x, size_y, size_z, size_t)
            sizes = (known.sizeX, known.sizeY, known.sizeZ, known.sizeT)
            pairs = zip(wanted, sizes, strict=True)
            known_or_new = [unwrap(size if new is None else new) for new, size in pairs]
            return _saved(work, image, name, pixels, known_or_new)

    def setChannelGlobalMinMax(
        self, call: Call, pixels_id: int, number: int, low: float, high: float
    ) -> None:
        with self._store.write(actor_of(call)) as work:
            pixels = pixels_with_channels(work, pixels_id)
            if pixels is None or not 0 <= number < pixels.sizeOfChannels():
                raise errors.validation(f"there is no channel {number} of Pixels {pixels_id}")
            channel = pixels.getChannel(number)
            stats = channel.statsInfo or omero.model.StatsInfoI()
            stats.globalMin, stats.globalMax = rdouble(low), rdouble(high)
            channel.statsInfo = stats
            work.save(channel)


def _saved(work: Work, image: Any, name: str, pixels: Any, sizes: Sequence[int]) -> Any:
    """Give an image its pixels, of these sizes in x, y, z and t, and save it. Its id."""
    if min(sizes) < 1:
        raise errors.validation(f"an image cannot have the sizes {list(sizes)}")
    image.name, image.partial, image.archived = rstring(name), rbool(False), rbool(False)
    pixels.sizeX, pixels.sizeY, pixels.sizeZ, pixels.sizeT = (rint(size) for size in sizes)
    pixels.sizeC = rint(pixels.sizeOfChannels())
    pixels.sha1 = rstring(PENDING)
    image.addPixels(pixels)
    return work.save(image).id


def _copied(channel: Any, with_statistics: bool) -> Any:
    made = omero.model.ChannelI()
    made.logicalChannel = omero.model.LogicalChannelI(channel.logicalChannel.id.val, False)
    stats = channel.statsInfo
    if with_statistics and stats is not None:
        made.statsInfo = omero.model.StatsInfoI()
        made.statsInfo.globalMin, made.statsInfo.globalMax = stats.globalMin, stats.globalMax
    return made
