"""From planes to an RGB picture: each channel's window and colour, added up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
# OMERO activates the first three channels of an image.
ACTIVE_CHANNELS = 3


@dataclass(frozen=True, slots=True)
class ChannelView:
    """How one channel is shown. `colour` is red, green, blue, 0 to 255; `family` and `coefficient`
    are the curve from values to brightness."""

    index: int
    start: float
    end: float
    colour: tuple[int, int, int]
    family: str = "linear"
    coefficient: float = 1.0
    is_inverted: bool = False


def render(planes: Sequence[NDArray[Any]], views: Sequence[ChannelView]) -> NDArray[np.uint8]:
    """A picture (h, w, 3) of one plane per view; values outside a window are cut off."""
    height, width = planes[0].shape
    picture = np.zeros((height, width, 3), np.float32)
    for plane, view in zip(planes, views, strict=True):
        extent = view.end - view.start
        shown = (plane.astype(np.float32) - view.start) / (extent if extent else 1.0)
        np.clip(shown, 0.0, 1.0, out=shown)
        shown = _CURVES[view.family](shown, view.coefficient)
        if view.is_inverted:
            shown = 1.0 - shown
        picture += shown[:, :, np.newaxis] * np.asarray(view.colour, np.float32)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


# From 0..1 to 0..1; OMERO's families, which it applies to the values themselves.
_CURVES: dict[str, Callable[[NDArray[Any], float], NDArray[Any]]] = {
    "linear": lambda shown, _k: shown,
    "polynomial": lambda shown, k: shown**k,
    "exponential": lambda shown, k: np.expm1(shown**k) / np.expm1(1.0),
    "logarithmic": lambda shown, _k: np.log1p(shown) / np.log(2.0),
}


def default_views(
    colours: Sequence[tuple[int, int, int] | None],
    wavelengths: Sequence[float | None],
    ranges: Sequence[tuple[float, float] | None],
    pixel_type: str,
) -> list[ChannelView]:
    """How each channel is shown until a user says otherwise; one value per channel.

    A channel without a colour gets one, one without a range shows all its type can hold.
    """
    count = len(colours)
    return [
        ChannelView(
            index,
            *(ranges[index] or full_range(pixel_type)),
            colours[index] or default_colour(index, count, wavelengths[index]),
        )
        for index in range(count)
    ]


def default_colour(index: int, count: int, wavelength: float | None) -> tuple[int, int, int]:
    """The colour of a channel that has none: by its emission in nm, else by its place."""
    if count == 1:
        return WHITE
    if wavelength is not None:
        if wavelength < 500:
            return BLUE
        return GREEN if wavelength < 580 else RED
    return (RED, GREEN, BLUE)[index % 3]


def full_range(pixel_type: str) -> tuple[float, float]:
    """The window of a channel nothing is known of: all that its type can hold."""
    if pixel_type == "bit":
        return 0.0, 1.0
    dtype = np.dtype({"float": "float32", "double": "float64"}.get(pixel_type, pixel_type))
    if dtype.kind == "f":
        return 0.0, 1.0
    info = np.iinfo(dtype)
    return float(info.min), float(info.max)
