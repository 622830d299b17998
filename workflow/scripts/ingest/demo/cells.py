"""Cells as a fluorescence microscope might show them, painted from random numbers.

The same seed gives the same pixels on every machine: only integers, the four operations and the
square root are used, whose results do not depend on the processor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

_BACKGROUND = 120.0


@dataclass(frozen=True)
class Blob:
    """An ellipsoid of light: centre and half axes in pixels; (u, v) points along the long axis."""

    x: float
    y: float
    long: float
    short: float
    u: float
    v: float
    z: float = 0.0
    brightness: float = 1.0

    def moved(self, dx: float, dy: float) -> Blob:
        return replace(self, x=self.x + dx, y=self.y + dy)

    def scaled(self, factor: float) -> Blob:
        return replace(self, long=self.long * factor, short=self.short * factor)


def scatter(random: Random, count: int, size: int, radius: float) -> list[Blob]:
    """Nuclei that do not overlap, somewhere in a square of `size` pixels; `count` at most."""
    blobs: list[Blob] = []
    for _ in range(40 * count):
        if len(blobs) == count:
            break
        blob = _random_blob(random, size, radius)
        if all(_distance(blob, other) > blob.long + other.long for other in blobs):
            blobs.append(blob)
    return blobs


def scatter_in_ball(random: Random, count: int, size: int, radius: float) -> list[Blob]:
    """Nuclei of a spheroid: as `scatter`, with a depth in pixels from its middle."""
    half = size / 2
    blobs: list[Blob] = []
    while len(blobs) < count:
        blob = replace(_random_blob(random, size, radius), z=random.random() * size - half)
        away = (blob.x - half) ** 2 + (blob.y - half) ** 2 + blob.z**2
        if away < (0.85 * half) ** 2:
            blobs.append(blob)
    return blobs


def nuclei(blobs: Iterable[Blob], size: int, texture: Signal, depth: float = 0.0) -> Signal:
    """Their chromatin at a depth, 0 to 1."""
    return _paint(blobs, size, depth) * (0.45 + 0.55 * texture)


def cytoplasm(blobs: Sequence[Blob], size: int, texture: Signal) -> Signal:
    """The fibres of the cells around the nuclei, 0 to 1."""
    bodies = _paint([blob.scaled(2.3) for blob in blobs], size, 0.0)
    fibres = np.maximum(0.0, 1.0 - 9.0 * np.abs(texture - 0.5))
    above_nucleus = 1.0 - 0.7 * _paint(blobs, size, 0.0)
    return bodies * (0.18 + 0.82 * fibres) * above_nucleus


def vesicles(random: Random, blobs: Sequence[Blob], size: int, per_cell: int) -> Signal:
    """Bright points around the nuclei, 0 to 1."""
    points = []
    for blob in blobs:
        for _ in range(per_cell):
            dx = (random.random() * 2 - 1) * 1.9 * blob.long
            dy = (random.random() * 2 - 1) * 1.9 * blob.long
            radius = 1.6 + 1.8 * random.random()
            points.append(Blob(blob.x + dx, blob.y + dy, radius, radius, 1.0, 0.0))
    return _paint(points, size, 0.0)


def smooth_noise(seed: int, size: int, width: int) -> Signal:
    """A cloudy texture, 0 to 1, with features of about `width` pixels."""
    field = np.random.default_rng(seed).integers(0, 1024, (size, size), dtype=np.int64)
    for _ in range(3):
        for axis in (0, 1):
            summed = np.cumsum(np.concatenate([field, field], axis), axis)
            field = np.take(summed, range(width, size + width), axis) - np.take(
                summed, range(size), axis
            )
    low, high = int(field.min()), int(field.max())
    return (field - low) / float(high - low)


def expose(signal: Signal, photons: float, seed: int, dtype: Any = np.uint16) -> NDArray[Any]:
    """What a camera makes of it: background, shot noise, whole counts."""
    light = _BACKGROUND + photons * signal
    draws = np.random.default_rng(seed).integers(0, 256, (4, *signal.shape), dtype=np.int64)
    # Four uniform draws have very nearly a normal sum; its standard deviation is 147.8.
    noise = (draws.sum(axis=0) - 510) / 147.8
    counts = light + np.sqrt(light) * noise
    if dtype == np.uint8:
        counts = (counts - _BACKGROUND / 2) * (255.0 / (photons * 1.1))
    return np.clip(counts, 0, np.iinfo(dtype).max).astype(dtype)


def _random_blob(random: Random, size: int, radius: float) -> Blob:
    u, v = random.random() * 2 - 1, random.random() * 2 - 1
    length = (u * u + v * v) ** 0.5 or 1.0
    long = radius * (0.85 + 0.45 * random.random())
    return Blob(
        x=random.random() * size,
        y=random.random() * size,
        long=long,
        short=long * (0.6 + 0.35 * random.random()),
        u=u / length,
        v=v / length,
        brightness=0.6 + 0.4 * random.random(),
    )


def _distance(one: Blob, other: Blob) -> float:
    return float(((one.x - other.x) ** 2 + (one.y - other.y) ** 2) ** 0.5)


def _paint(blobs: Iterable[Blob], size: int, depth: float) -> Signal:
    canvas = np.zeros((size, size))
    for blob in blobs:
        left, top = max(0, int(blob.x - blob.long)), max(0, int(blob.y - blob.long))
        right, bottom = (
            min(size, int(blob.x + blob.long) + 2),
            min(size, int(blob.y + blob.long) + 2),
        )
        if left >= right or top >= bottom:
            continue
        x = np.arange(left, right) - blob.x
        y = (np.arange(top, bottom) - blob.y)[:, None]
        along = (x * blob.u + y * blob.v) / blob.long
        across = (y * blob.u - x * blob.v) / blob.short
        beyond = (depth - blob.z) / blob.short
        inside = np.maximum(0.0, 1.0 - along * along - across * across - beyond * beyond)
        glow = blob.brightness * np.minimum(1.0, 2.2 * inside)
        window = canvas[top:bottom, left:right]
        np.maximum(window, glow, out=window)
    return canvas
