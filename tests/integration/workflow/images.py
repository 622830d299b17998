"""Small real image files for whole runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile


def write_image(path: Path, seed: int = 0, channels: int = 1, size: int = 32) -> Path:
    """An OME-TIFF of `channels` planes whose pixels depend on `seed`."""
    pixels = np.random.default_rng(seed).integers(0, 4000, (channels, size, size), "uint16")
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, ome=True, metadata={"axes": "CYX"}, photometric="minisblack")
    return path


def write_corrupt_image(path: Path) -> Path:
    """A file that calls itself an OME-TIFF and breaks off in its header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"II*\0\x08\0\0\0\xff\xff" + b"\0" * 40)
    return path
