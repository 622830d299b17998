"""Image, Pixels and Channels of one series as model objects, not saved yet."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import omero
import omero.model
from omero.rtypes import rbool, rdouble, rint, rstring, rtime

import imageformats.model as ome
from omero_embedded.imports import units
from omero_embedded.imports.statistics import PENDING, Statistics
from omero_embedded.pixels.rendering import ChannelView, default_views
from omero_embedded.store import Work

_LONGEST_NAME = 255
_COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def image_graph(
    work: Work,
    image: ome.Image,
    format_name: str,
    name: str,
    description: str | None,
    pixel_sizes: Sequence[float] = (),
) -> Any:
    """An ImageI with its Pixels, Channels and objective.

    `pixel_sizes` (x, y, z in µm) hold where the file does not say.
    """
    made = omero.model.ImageI()
    made.name = rstring(name)
    text = image.description if description is None else description
    made.description = rstring(text) if text else None
    made.series = rint(image.series)
    made.acquisitionDate = timestamp(image.acquisition_date)
    made.format = work.enumeration("Format", format_name)
    made.partial = rbool(False)
    made.archived = rbool(False)
    _add_objective(work, made, image.objective)
    pixels = _pixels(work, image)
    for axis, size in zip("XYZ", pixel_sizes, strict=False):
        if getattr(pixels, f"physicalSize{axis}") is None:
            setattr(pixels, f"physicalSize{axis}", units.length(ome.Quantity(size, "µm")))
    made.addPixels(pixels)
    return made


def _pixels(work: Work, image: ome.Image) -> Any:
    pixels = omero.model.PixelsI()
    pixels.pixelsType = work.enumeration("PixelsType", image.pixel_type)
    pixels.dimensionOrder = work.enumeration("DimensionOrder", image.dimension_order)
    pixels.significantBits = rint(image.significant_bits)
    pixels.sizeX, pixels.sizeY = rint(image.size_x), rint(image.size_y)
    pixels.sizeZ, pixels.sizeC = rint(image.size_z), rint(image.size_c)
    pixels.sizeT = rint(image.size_t)
    pixels.physicalSizeX = units.length(image.physical_size_x)
    pixels.physicalSizeY = units.length(image.physical_size_y)
    pixels.physicalSizeZ = units.length(image.physical_size_z)
    pixels.timeIncrement = units.time(image.time_increment)
    pixels.sha1 = rstring(PENDING)
    for index, channel in enumerate(image.channels):
        pixels.addChannel(_channel(work, channel, index, image))
    return pixels


def _channel(work: Work, channel: ome.Channel, index: int, image: ome.Image) -> Any:
    made = omero.model.ChannelI()
    if channel.colour is not None:
        made.red, made.green, made.blue, made.alpha = (rint(c) for c in rgba(channel.colour))
    elif image.rgb:
        made.red, made.green, made.blue = (rint(c) for c in _COLOURS[index % 3])
        made.alpha = rint(255)
    made.logicalChannel = _logical_channel(work, channel, image)
    return made


def _logical_channel(work: Work, channel: ome.Channel, image: ome.Image) -> Any:
    logical = omero.model.LogicalChannelI()
    logical.name = rstring(channel.name) if channel.name else None
    logical.fluor = rstring(channel.fluor) if channel.fluor else None
    logical.emissionWave = units.length(channel.emission_wavelength)
    logical.excitationWave = units.length(channel.excitation_wavelength)
    logical.pinHoleSize = units.length(channel.pinhole_size)
    logical.ndFilter = None if channel.nd_filter is None else rdouble(channel.nd_filter)
    logical.samplesPerPixel = rint(len(image.channels)) if image.rgb else rint(1)
    kind = "RGB" if image.rgb else "Monochrome"
    logical.photometricInterpretation = work.enumeration("PhotometricInterpretation", kind)
    for field, type_name, value in (
        ("illumination", "Illumination", channel.illumination_type),
        ("mode", "AcquisitionMode", channel.acquisition_mode),
        ("contrastMethod", "ContrastMethod", channel.contrast_method),
    ):
        if value:
            setattr(logical, field, work.enumeration(type_name, value))
    return logical


def _add_objective(work: Work, image: Any, objective: ome.Objective | None) -> None:
    if objective is None:
        return
    made = omero.model.ObjectiveI()
    made.model = rstring(objective.model)
    made.manufacturer = rstring(objective.manufacturer)
    if objective.nominal_magnification is not None:
        made.nominalMagnification = rdouble(objective.nominal_magnification)
    if objective.lens_na is not None:
        made.lensNA = rdouble(objective.lens_na)
    made.workingDistance = units.length(objective.working_distance)
    made.immersion = work.enumeration("Immersion", objective.immersion or "Unknown")
    made.correction = work.enumeration("Correction", objective.correction or "Unknown")
    image.instrument = omero.model.InstrumentI()
    image.instrument.addObjective(made)
    image.objectiveSettings = omero.model.ObjectiveSettingsI()
    image.objectiveSettings.objective = made


def image_views(image: ome.Image, statistics: Statistics | None) -> list[ChannelView]:
    """How an image is shown at first. Photographs (RGB) keep their type's whole range."""
    colours: list[tuple[int, int, int] | None] = []
    for index, channel in enumerate(image.channels):
        if channel.colour is not None:
            colours.append(rgba(channel.colour)[:3])
        else:
            colours.append(_COLOURS[index % 3] if image.rgb else None)
    waves = [c.emission_wavelength.value if c.emission_wavelength else None for c in image.channels]
    unknown: list[tuple[float, float] | None] = [None] * len(image.channels)
    is_measured = statistics is not None and not image.rgb
    ranges = list(statistics.ranges) if statistics and is_measured else unknown
    return default_views(colours, waves, ranges, image.pixel_type)


def image_name(image: ome.Image, among: int, chosen: str) -> str:
    """What OMERO calls an image: `chosen` is the user's name for it or the file's.

    Images of one among several say which they are; a long name keeps its end.
    """
    own = image.name.strip() or str(image.series)
    name = chosen if among == 1 else f"{chosen} [{own}]"
    return name if len(name) <= _LONGEST_NAME else "…" + name[1 - _LONGEST_NAME :]


def rgba(colour: int) -> tuple[int, int, int, int]:
    """Red, green, blue and alpha of OME's signed 32-bit number."""
    red, green, blue, alpha = (colour & 0xFFFFFFFF).to_bytes(4, "big")
    return red, green, blue, alpha


def timestamp(text: str) -> Any:
    """An OME date as rtime; UTC when it says no zone; None when it is none."""
    if not text:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return rtime(round(moment.timestamp() * 1000))
