"""Thumbnails: JPEG pictures of an image's middle section, kept in a folder of the store."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from omero_embedded.pixels.rendering import ChannelView, render
from omero_embedded.pixels.written import Planes

# What an import draws; other sizes are drawn when asked for.
SIZE = 96
_QUALITY = 85


class Thumbnails:
    """Pictures by pixels id and the length of their longest side."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, pixels_id: int, picture: bytes, size: int = SIZE) -> None:
        path = self._path(pixels_id, size)
        path.parent.mkdir(exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_bytes(picture)
        partial.replace(path)

    def find(self, pixels_id: int, size: int) -> bytes | None:
        path = self._path(pixels_id, size)
        return path.read_bytes() if path.exists() else None

    def forget(self, pixels_id: int) -> None:
        """Remove what was drawn of pixels that are gone or now look otherwise."""
        for path in self._folder.glob(f"{pixels_id % 1000:03d}/{pixels_id}-*.jpg"):
            path.unlink(missing_ok=True)

    def _path(self, pixels_id: int, size: int) -> Path:
        return self._folder / f"{pixels_id % 1000:03d}" / f"{pixels_id}-{size}.jpg"


def draw(
    planes: Planes,
    series: int,
    z: int,
    t: int,
    views: Sequence[ChannelView],
    size: int | tuple[int, int] = SIZE,
) -> bytes:
    """A picture of one section in these views, `size` its longest side or (width, height)."""
    longest = size if isinstance(size, int) else max(size)
    level = level_for(planes, series, longest)
    picture = render([planes.plane(series, z, view.index, t, level) for view in views], views)
    return jpeg(fit(picture, size) if isinstance(size, int) else resize(picture, size))


def level_for(planes: Planes, series: int, size: int) -> int:
    """The smallest level of a pyramid that is at least `size` wide or high."""
    sizes = planes.resolutions(series)
    return max((n for n, wh in enumerate(sizes) if max(wh) >= size), default=0)


def fit(picture: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """The picture scaled so that its longest side has `longest` pixels."""
    height, width = picture.shape[:2]
    return resize(picture, fitted(width, height, longest))


def fitted(width: int, height: int, longest: int = SIZE) -> tuple[int, int]:
    """Width and height of that shape when its longest side has `longest` pixels."""
    scale = longest / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def resize(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture at (width, height)."""
    return np.asarray(Picture.fromarray(picture).resize(size, Picture.Resampling.BILINEAR))


def jpeg(picture: NDArray[np.uint8], quality: int = _QUALITY) -> bytes:
    target = io.BytesIO()
    Picture.fromarray(picture).save(target, "JPEG", quality=quality)
    return target.getvalue()
