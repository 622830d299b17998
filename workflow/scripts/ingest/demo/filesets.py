"""The demo's filesets, one function each; config/manifest.csv has a row for every one."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from random import Random

import numpy as np
import tifffile

from ingest.atomic import write_bytes
from ingest.demo.cells import (
    Blob,
    cytoplasm,
    expose,
    nuclei,
    scatter,
    scatter_in_ball,
    smooth_noise,
    vesicles,
)
from ingest.demo.ome_tiff import Dye, Field, Recording, one_file_per_time_point, plate, single_file

_DAPI = Dye("DAPI", 0x3060FF, 358, 461)
_GFP = Dye("GFP", 0x00FF40, 488, 509)
_MCHERRY = Dye("mCherry", 0xFF3030, 587, 610)
_CY5 = Dye("Cy5", 0xFF00C0, 650, 670)


def write_demo(folder: Path, micrographs: Path) -> list[Path]:
    """Write the demo's files under `folder`; returns those that were missing or different.

    Files that are there already, byte for byte, are not touched. `micrographs` is the folder of
    the real ones.
    """
    files = {
        **_in_folder("three-channels", _three_channels()),
        **_in_folder("mitosis", _with_checksums(_mitosis())),
        **_in_folder("spheroid", _spheroid()),
        **_in_folder("plate-HCS-0142", _dose_response_plate()),
        **_in_folder("Zellkultur – Größe µm 細胞", _tubulin()),
        **_in_folder("micrographs", _copies(micrographs)),
    }
    written = []
    for name, content in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            write_bytes(path, content)
            written.append(path)
    return written


def _three_channels() -> dict[str, bytes]:
    size, random = 512, Random(1)
    blobs = scatter(random, 34, size, 26)
    planes = [
        expose(nuclei(blobs, size, smooth_noise(11, size, 5)), 2600, 12),
        expose(cytoplasm(blobs, size, smooth_noise(13, size, 7)), 1900, 14),
        expose(vesicles(random, blobs, size, 14), 3200, 15),
    ]
    recording = Recording(
        name="HeLa DAPI GFP Cy5",
        pixels=np.stack(planes)[None, :, None],
        dyes=(_DAPI, _GFP, _CY5),
        description="Synthetic HeLa cells: nuclei, microtubules, lysosomes",
        acquired="2024-03-05T10:21:33",
        pixel_size=(0.161, 0.161, 0),
    )
    name = "HeLa_DAPI_GFP_Cy5.ome.tif"
    return {name: single_file(recording, name)}


def _mitosis() -> dict[str, bytes]:
    size, steps, random = 256, 4, Random(2)
    mother = Blob(128, 128, 24, 18, 1.0, 0.0)
    others = [
        blob
        for blob in scatter(random, 9, size, 20)
        if (blob.x - 128) ** 2 + (blob.y - 128) ** 2 > 80**2
    ]
    frames = []
    for t in range(steps):
        daughters = [mother.scaled(1 - 0.09 * t).moved(way * 11 * t, 0) for way in (-1, 1)]
        blobs = [*daughters, *(blob.moved(2 * t, -1.5 * t) for blob in others)]
        frames.append(
            [
                expose(nuclei(blobs, size, smooth_noise(21, size, 4)), 2400, 30 + t),
                expose(cytoplasm(blobs, size, smooth_noise(22, size, 6)), 1500, 40 + t),
            ]
        )
    recording = Recording(
        name="Mitosis H2B-mCherry tubulin-GFP",
        pixels=np.array(frames)[:, :, None],
        dyes=(_MCHERRY, _GFP),
        description="Synthetic dividing cell, a file per time point",
        acquired="2024-03-06T14:02:10",
        pixel_size=(0.26, 0.26, 0),
        interval=300,
    )
    return one_file_per_time_point(recording, "mitosis")


def _spheroid() -> dict[str, bytes]:
    """A z-stack as ImageJ saves it, without a word of OME in it."""
    size, slices = 192, 24
    blobs = scatter_in_ball(Random(3), 260, size, 13)
    texture = smooth_noise(31, size, 4)
    depths = [(z - (slices - 1) / 2) * size / slices for z in range(slices)]
    stack = np.stack(
        [
            expose(nuclei(blobs, size, texture, depth), 900, 50 + z, np.uint8)
            for z, depth in enumerate(depths)
        ]
    )
    content = io.BytesIO()
    tifffile.imwrite(
        content,
        stack,
        imagej=True,
        resolution=(1 / 0.65, 1 / 0.65),
        metadata={"axes": "ZYX", "spacing": 2.0, "unit": "um"},
    )
    return {"spheroid_z-stack.tif": content.getvalue()}


def _dose_response_plate() -> dict[str, bytes]:
    """Two rows of replicates, three doses: the higher, the fewer cells."""
    size, fields = 176, []
    for row in range(2):
        for column, count in enumerate((22, 13, 5)):
            for field in range(2):
                seed = 100 + 20 * row + 5 * column + field
                blobs = scatter(Random(seed), count, size, 13)
                planes = [
                    expose(nuclei(blobs, size, smooth_noise(seed, size, 4)), 2200, seed + 200),
                    expose(
                        cytoplasm(blobs, size, smooth_noise(seed + 1, size, 5)), 1600, seed + 300
                    ),
                ]
                recording = Recording(
                    name=f"Well {'AB'[row]}{column + 1}, field {field + 1}",
                    pixels=np.stack(planes)[None, :, None],
                    dyes=(_DAPI, _GFP),
                    acquired=f"2024-04-11T09:{10 * row + 3 * column + field:02}:00",
                    pixel_size=(0.65, 0.65, 0),
                )
                fields.append(Field(row, column, (field * 114.4, 0.0), recording))
    return plate("HCS-0142", 2, 3, fields, "HCS-0142")


def _tubulin() -> dict[str, bytes]:
    size = 320
    blobs = scatter(Random(5), 12, size, 30)
    recording = Recording(
        name="α-Tubulin, 細胞骨格",
        pixels=expose(cytoplasm(blobs, size, smooth_noise(51, size, 8)), 2800, 52)[
            None, None, None
        ],
        dyes=(_GFP,),
        description="Synthetic cytoskeleton; the file's name is what it tests",
        acquired="2024-05-17T16:45:00",
        pixel_size=(0.108, 0.108, 0),
    )
    name = "α-Tubulin Übersicht 細胞骨格.ome.tif"
    return {name: single_file(recording, name)}


def _copies(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.suffix in (".tif", ".png")
    }


def _with_checksums(files: dict[str, bytes]) -> dict[str, bytes]:
    """Add what `md5sum` would write, as some acquisition systems do."""
    lines = [f"{hashlib.md5(content).hexdigest()}  {name}\n" for name, content in files.items()]
    return {**files, "MD5SUMS": "".join(lines).encode()}


def _in_folder(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}
