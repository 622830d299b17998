"""Rendering settings: what OMERO shows of an image unless a user says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import omero
import omero.model
from omero.rtypes import rbool, rdouble, rint, unwrap

from omero_embedded.pixels.rendering import (
    ACTIVE_CHANNELS,
    WHITE,
    ChannelView,
    default_views,
)
from omero_embedded.store import Work

_BINDING_FIELDS = (
    "inputStart",
    "inputEnd",
    "active",
    "red",
    "green",
    "blue",
    "alpha",
    "family",
    "coefficient",
)
_FETCH = (
    "select d from RenderingDef d join fetch d.waveRendering w join fetch w.family"
    " join fetch d.model join fetch d.quantization"
    " left outer join fetch w.spatialDomainEnhancement"
)
_PIXELS = (
    "select p from Pixels p join fetch p.pixelsType join fetch p.image"
    " left outer join fetch p.channels c left outer join fetch c.logicalChannel"
    " left outer join fetch c.statsInfo where p.id = :id"
)


def new_settings(work: Work, pixels_id: int, size_z: int, views: Sequence[ChannelView]) -> Any:
    """A RenderingDefI that shows saved pixels in these views; not saved."""
    made = omero.model.RenderingDefI()
    made.pixels = omero.model.PixelsI(pixels_id, False)
    made.model = work.enumeration("RenderingModel", "greyscale" if len(views) == 1 else "rgb")
    made.defaultZ, made.defaultT = rint(size_z // 2), rint(0)
    made.compression = rdouble(0.85)
    quantum = omero.model.QuantumDefI()
    quantum.cdStart, quantum.cdEnd, quantum.bitResolution = rint(0), rint(255), rint(255)
    made.quantization = quantum
    family = work.enumeration("Family", "linear")
    for view in views:
        binding = omero.model.ChannelBindingI()
        binding.family, binding.coefficient = family, rdouble(1.0)
        binding.inputStart, binding.inputEnd = rdouble(view.start), rdouble(view.end)
        binding.active = rbool(view.index < ACTIVE_CHANNELS)
        binding.noiseReduction = rbool(False)
        binding.red, binding.green, binding.blue = (rint(value) for value in view.colour)
        binding.alpha = rint(255)
        made.addChannelBinding(binding)
    return made


def _views_by_rule(pixels: Any) -> list[ChannelView]:
    channels = list(pixels.iterateChannels())
    return default_views(
        [_colour(channel) for channel in channels],
        [_wavelength(channel) for channel in channels],
        [_range(channel) for channel in channels],
        unwrap(pixels.pixelsType.value),
    )


def _colour(channel: Any) -> tuple[int, int, int] | None:
    red, green, blue = (unwrap(value) for value in (channel.red, channel.green, channel.blue))
    return None if red is None or green is None or blue is None else (red, green, blue)


def _wavelength(channel: Any) -> float | None:
    wave = channel.logicalChannel.emissionWave
    return wave.getValue() if wave else None


def _range(channel: Any) -> tuple[float, float] | None:
    stats = channel.statsInfo
    if stats is None or (unwrap(channel.logicalChannel.samplesPerPixel) or 1) > 1:
        return None
    return unwrap(stats.globalMin), unwrap(stats.globalMax)


def active_views(settings: Any) -> list[ChannelView]:
    """What a RenderingDef shows; a grey one only its first active channel, in white."""
    is_grey = unwrap(settings.model.value) == "greyscale"
    views = [
        ChannelView(
            index,
            unwrap(binding.inputStart),
            unwrap(binding.inputEnd),
            WHITE if is_grey else (binding.red.val, binding.green.val, binding.blue.val),
            unwrap(binding.family.value),
            unwrap(binding.coefficient),
            any(map(is_inversion, binding.copySpatialDomainEnhancement())),
        )
        for index, binding in enumerate(settings.iterateWaveRendering())
        if unwrap(binding.active)
    ]
    return views[:1] if is_grey else views


def is_inversion(context: Any) -> bool:
    """Whether a CodomainMapContext shows the brightest darkest."""
    return isinstance(context, omero.model.ReverseIntensityContext)


def find_settings(work: Work, pixels_id: int) -> Any | None:
    """The acting user's settings of pixels, else the oldest: those of the import."""
    found = work.query(f"{_FETCH} where d.pixels.id = :id order by d.id", {"id": pixels_id})
    own = [d for d in found if d.details.owner.id.val == work.actor.user_id]
    return (own or found or [None])[0]


def settings_by_id(work: Work, settings_id: int) -> Any | None:
    found = work.query(f"{_FETCH} where d.id = :id", {"id": settings_id})
    return found[0] if found else None


def pixels_with_channels(work: Work, pixels_id: int) -> Any | None:
    """The Pixels as new_settings takes them."""
    found = work.query(_PIXELS, {"id": pixels_id})
    return found[0] if found else None


def ensure_settings(work: Work, pixels_id: int) -> Any | None:
    """Settings of pixels, made by rule when there are none; None without such pixels."""
    return find_settings(work, pixels_id) or reset_settings(work, pixels_id)


def reset_settings(work: Work, pixels_id: int) -> Any | None:
    """The acting user's settings of pixels as the rules have them; None without such pixels."""
    pixels = pixels_with_channels(work, pixels_id)
    if pixels is None:
        return None
    fresh = new_settings(work, pixels_id, unwrap(pixels.sizeZ), _views_by_rule(pixels))
    known = find_settings(work, pixels_id)
    if known is None or known.details.owner.id.val != work.actor.user_id:
        work.save(fresh)
    else:
        known.defaultZ, known.defaultT, known.model = fresh.defaultZ, fresh.defaultT, fresh.model
        pairs = zip(known.iterateWaveRendering(), fresh.iterateWaveRendering(), strict=True)
        for old, new in pairs:
            for field in _BINDING_FIELDS:
                setattr(old, field, getattr(new, field))
        work.save(known)
        bindings = known.iterateWaveRendering()
        contexts = [c for b in bindings for c in b.copySpatialDomainEnhancement()]
        work.delete("ReverseIntensityContext", [c.id.val for c in contexts if is_inversion(c)])
    return find_settings(work, pixels_id)
