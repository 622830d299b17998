"""What only the pixels tell: smallest and largest value of each channel, and a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imageformats import PlaneReader
from imageformats.model import Image

# OMERO's limit above which an image is a pyramid, whose full planes are not read at once.
_LARGEST_PLANE = 3192 * 3192
PENDING = "Pending..."


@dataclass(frozen=True, slots=True)
class Statistics:
    """(smallest, largest) of each channel, and the SHA1 of all planes in OMERO's order."""

    ranges: tuple[tuple[float, float], ...]
    sha1: str


def measure(planes: PlaneReader, image: Image, check: Callable[[], None]) -> Statistics:
    """Read every plane of an image. `check` is called between planes and may raise.

    Of a pyramid only the smallest level is read, and there is no digest.
    """
    level = image.resolutions - 1 if image.size_x * image.size_y > _LARGEST_PLANE else 0
    digest = hashlib.sha1()
    ranges: list[tuple[float, float]] = [(np.inf, -np.inf)] * image.size_c
    for t in range(image.size_t):
        for c in range(image.size_c):
            for z in range(image.size_z):
                check()
                plane = planes.plane(image.series, z, c, t, level)
                digest.update(plane.astype(plane.dtype.newbyteorder(">")).tobytes())
                low, high = ranges[c]
                ranges[c] = (min(low, float(plane.min())), max(high, float(plane.max())))
    return Statistics(tuple(ranges), digest.hexdigest() if level == 0 else PENDING)
