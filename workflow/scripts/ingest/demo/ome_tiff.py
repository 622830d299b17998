"""OME-TIFF filesets from arrays, as acquisition software lays them out on disk.

Source of fact: the OME-TIFF specification, https://docs.openmicroscopy.org/ome-model/ (2016-06).
The same arrays give the same bytes: identifiers are derived from names, and nothing is compressed.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

_NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_PIXEL_TYPES = {"float32": "float", "float64": "double"}

_Element = ElementTree.Element


@dataclass(frozen=True)
class Dye:
    """A channel; `colour` is 0xRRGGBB, wavelengths are in nanometres."""

    name: str
    colour: int
    excitation: int
    emission: int


@dataclass(frozen=True)
class Recording:
    """One image: `pixels` are (t, c, z, y, x); `pixel_size` is (x, y, z) in micrometres, 0 where
    unknown; `interval` is seconds from one time point to the next."""

    name: str
    pixels: NDArray[Any]
    dyes: Sequence[Dye] = ()
    description: str = ""
    acquired: str = ""
    pixel_size: tuple[float, float, float] = (0, 0, 0)
    interval: float = 0


@dataclass(frozen=True)
class Field:
    """A recording of a plate: row and column of its well count from 0, position in micrometres."""

    row: int
    column: int
    position: tuple[float, float]
    recording: Recording


@dataclass(frozen=True)
class _Block:
    """Planes of a recording that lie in one file, one after the other from its first on."""

    file: str
    count: int
    first_t: int = 0


def single_file(recording: Recording, file: str) -> bytes:
    """An OME-TIFF that holds everything itself."""
    root = _root(file)
    _add_image(root, 0, recording, [_Block(file, _planes(recording.pixels))])
    return _tiff(recording.pixels, root)


def one_file_per_time_point(recording: Recording, stem: str) -> dict[str, bytes]:
    """Files `<stem>_T0.ome.tif`, ... by name: each has its planes and the metadata of them all."""
    names = [f"{stem}_T{t}.ome.tif" for t in range(len(recording.pixels))]
    blocks = [_Block(name, _planes(recording.pixels[:1]), t) for t, name in enumerate(names)]
    files = {}
    for t, name in enumerate(names):
        root = _root(name)
        _add_image(root, 0, recording, blocks)
        files[name] = _tiff(recording.pixels[t], root)
    return files


def plate(
    name: str, rows: int, columns: int, fields: Sequence[Field], companion: str
) -> dict[str, bytes]:
    """A plate with one run over it: the companion file `<companion>.companion.ome` with all
    metadata, and a TIFF per field that only refers to it, by name."""
    metadata_file = f"{companion}.companion.ome"
    numbers: dict[tuple[int, int], int] = {}
    tiffs: dict[str, Field] = {}
    for field in fields:
        well = (field.row, field.column)
        numbers[well] = number = numbers.get(well, 0) + 1
        tiffs[f"{_well_name(*well)}_F{number:02}.ome.tif"] = field

    root = _root(metadata_file)
    _add_plate(root, name, rows, columns, list(tiffs.values()))
    for index, (file, field) in enumerate(tiffs.items()):
        block = _Block(file, _planes(field.recording.pixels))
        _add_image(root, index, field.recording, [block])

    files = {metadata_file: _xml(root)}
    for file, field in tiffs.items():
        reference = _root(file)
        _child(reference, "BinaryOnly", MetadataFile=metadata_file, UUID=_urn(metadata_file))
        files[file] = _tiff(field.recording.pixels, reference)
    return files


def _add_plate(root: _Element, name: str, rows: int, columns: int, fields: Sequence[Field]) -> None:
    element = _child(
        root,
        "Plate",
        ID="Plate:0",
        Name=name,
        Rows=rows,
        Columns=columns,
        RowNamingConvention="letter",
        ColumnNamingConvention="number",
    )
    wells: dict[tuple[int, int], list[int]] = {}
    for index, field in enumerate(fields):
        wells.setdefault((field.row, field.column), []).append(index)
    for number, ((row, column), indices) in enumerate(wells.items()):
        well = _child(element, "Well", ID=f"Well:0:{number}", Row=row, Column=column)
        for index in indices:
            x, y = fields[index].position
            sample = _child(
                well,
                "WellSample",
                ID=f"WellSample:0:{index}",
                Index=index,
                PositionX=x,
                PositionXUnit="µm",
                PositionY=y,
                PositionYUnit="µm",
            )
            _child(sample, "ImageRef", ID=f"Image:{index}")
    run = _child(
        element,
        "PlateAcquisition",
        ID="PlateAcquisition:0:0",
        MaximumFieldCount=max(len(indices) for indices in wells.values()),
        StartTime=min(field.recording.acquired for field in fields) or None,
        EndTime=max(field.recording.acquired for field in fields) or None,
    )
    for index in range(len(fields)):
        _child(run, "WellSampleRef", ID=f"WellSample:0:{index}")


def _add_image(root: _Element, index: int, recording: Recording, blocks: Iterable[_Block]) -> None:
    image = _child(root, "Image", ID=f"Image:{index}", Name=recording.name)
    if recording.acquired:
        _child(image, "AcquisitionDate").text = recording.acquired
    if recording.description:
        _child(image, "Description").text = recording.description
    pixels = _child(image, "Pixels", **_pixels(f"Pixels:{index}", recording))
    for c in range(recording.pixels.shape[1]):
        _child(pixels, "Channel", **_channel(f"Channel:{index}:{c}", recording.dyes, c))
    for block in blocks:
        data = _child(
            pixels,
            "TiffData",
            IFD=0,
            PlaneCount=block.count,
            FirstT=block.first_t,
            FirstC=0,
            FirstZ=0,
        )
        _child(data, "UUID", FileName=block.file).text = _urn(block.file)


def _pixels(identifier: str, recording: Recording) -> dict[str, object]:
    t, c, z, y, x = recording.pixels.shape
    kind = recording.pixels.dtype.name
    attributes: dict[str, object] = {
        "ID": identifier,
        "DimensionOrder": "XYZCT",
        "Type": _PIXEL_TYPES.get(kind, kind),
        "BigEndian": "false",
        "SizeX": x,
        "SizeY": y,
        "SizeZ": z,
        "SizeC": c,
        "SizeT": t,
        "TimeIncrement": recording.interval or None,
    }
    for axis, size in zip("XYZ", recording.pixel_size, strict=True):
        attributes[f"PhysicalSize{axis}"] = size or None
    return attributes


def _channel(identifier: str, dyes: Sequence[Dye], index: int) -> dict[str, object]:
    attributes: dict[str, object] = {"ID": identifier, "SamplesPerPixel": 1}
    if index < len(dyes):
        dye = dyes[index]
        rgba = (dye.colour << 8) | 0xFF
        attributes |= {
            "Name": dye.name,
            "Fluor": dye.name,
            "Color": rgba - 2**32 if rgba >= 2**31 else rgba,
            "ExcitationWavelength": dye.excitation,
            "EmissionWavelength": dye.emission,
        }
    return attributes


def _tiff(pixels: NDArray[Any], root: _Element) -> bytes:
    """One page per plane, z fastest, then c, then t, with the XML in the first one."""
    pages = np.ascontiguousarray(pixels).reshape(-1, *pixels.shape[-2:])
    content = io.BytesIO()
    tifffile.imwrite(
        content,
        pages,
        byteorder="<",
        photometric="minisblack",
        description=_xml(root),
        metadata=None,
    )
    return content.getvalue()


def _planes(pixels: NDArray[Any]) -> int:
    return int(np.prod(pixels.shape[:-2]))


def _root(file: str) -> _Element:
    return ElementTree.Element("OME", xmlns=_NAMESPACE, UUID=_urn(file))


def _urn(file: str) -> str:
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, file)}"


def _well_name(row: int, column: int) -> str:
    return f"{chr(ord('A') + row)}{column + 1:02}"


def _child(parent: _Element, tag: str, **attributes: object) -> _Element:
    return ElementTree.SubElement(parent, tag, _texts(attributes))


def _texts(attributes: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in attributes.items() if value is not None}


def _xml(root: _Element) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(root, "utf-8")
