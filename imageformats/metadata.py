"""The OME metadata of an open fileset, from the OME-XML that Bio-Formats makes of any format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from imageformats.model import (
    Channel,
    Image,
    Objective,
    Plate,
    PlateAcquisition,
    Quantity,
    Well,
    WellSample,
)

# The units OME-XML means when an attribute has none.
_DEFAULT_UNITS = {
    "PhysicalSizeX": "µm",
    "PhysicalSizeY": "µm",
    "PhysicalSizeZ": "µm",
    "TimeIncrement": "s",
    "EmissionWavelength": "nm",
    "ExcitationWavelength": "nm",
    "PinholeSize": "µm",
    "WorkingDistance": "µm",
    "PositionX": "reference frame",
    "PositionY": "reference frame",
    "WellOriginX": "reference frame",
    "WellOriginY": "reference frame",
}
# Vendors' metadata carry control characters, which XML has no place for, written out or not.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x[0-9a-fA-F]+|[0-9]+);")

_Element = ElementTree.Element


def well_formed(xml: str) -> str:
    """The OME-XML of Bio-Formats without the characters that no XML may have."""
    return _NOT_XML.sub(_allowed_reference, xml)


class Metadata:
    """The parsed OME-XML: images by series number, and plates."""

    def __init__(self, xml: str) -> None:
        root = ElementTree.fromstring(well_formed(xml))
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        self._images = root.findall("Image")
        self._series = {e.get("ID", ""): index for index, e in enumerate(self._images)}
        self._objectives = {e.get("ID", ""): e for e in root.iterfind("Instrument/Objective")}
        self._plates = root.findall("Plate")

    def image(self, reader: Any, series: int) -> Image:
        """One series; sizes come from the reader, which has the planes."""
        reader.setSeries(series)
        reader.setResolution(0)
        element = self._images[series]
        pixels = element.find("Pixels")
        if pixels is None:
            pixels = _Element("Pixels")
        channels = [_channel(channel) for channel in pixels.findall("Channel")]
        size_c = int(reader.getSizeC())
        channels += [Channel(name="")] * (size_c - len(channels))
        bits = int(reader.getBitsPerPixel())
        return Image(
            series=series,
            name=element.get("Name", ""),
            description=_text(element, "Description"),
            acquisition_date=_text(element, "AcquisitionDate"),
            size_x=int(reader.getSizeX()),
            size_y=int(reader.getSizeY()),
            size_z=int(reader.getSizeZ()),
            size_c=size_c,
            size_t=int(reader.getSizeT()),
            pixel_type=pixels.get("Type", ""),
            significant_bits=int(pixels.get("SignificantBits", bits)),
            dimension_order=str(reader.getDimensionOrder()),
            rgb=_is_rgb(reader),
            channels=tuple(channels[:size_c]),
            physical_size_x=_quantity(pixels, "PhysicalSizeX"),
            physical_size_y=_quantity(pixels, "PhysicalSizeY"),
            physical_size_z=_quantity(pixels, "PhysicalSizeZ"),
            time_increment=_quantity(pixels, "TimeIncrement"),
            objective=self._objective(element),
            resolutions=int(reader.getResolutionCount()),
            thumbnail=bool(reader.isThumbnailSeries()),
        )

    def plates(self) -> tuple[Plate, ...]:
        return tuple(self._plate(element) for element in self._plates)

    def _objective(self, image: _Element) -> Objective | None:
        settings = image.find("ObjectiveSettings")
        element = None if settings is None else self._objectives.get(settings.get("ID", ""))
        if element is None:
            return None
        return Objective(
            model=element.get("Model", ""),
            manufacturer=element.get("Manufacturer", ""),
            nominal_magnification=_float(element, "NominalMagnification"),
            lens_na=_float(element, "LensNA"),
            immersion=element.get("Immersion", ""),
            correction=element.get("Correction", ""),
            working_distance=_quantity(element, "WorkingDistance"),
        )

    def _plate(self, element: _Element) -> Plate:
        runs = element.findall("PlateAcquisition")
        run_of_sample = {
            reference.get("ID", ""): index
            for index, run in enumerate(runs)
            for reference in run.findall("WellSampleRef")
        }
        return Plate(
            name=element.get("Name", ""),
            wells=tuple(self._well(well, run_of_sample) for well in element.findall("Well")),
            acquisitions=tuple(_acquisition(run) for run in runs),
            description=_text(element, "Description"),
            external_identifier=element.get("ExternalIdentifier", ""),
            status=element.get("Status", ""),
            rows=_int(element, "Rows"),
            columns=_int(element, "Columns"),
            row_naming_convention=element.get("RowNamingConvention", ""),
            column_naming_convention=element.get("ColumnNamingConvention", ""),
            well_origin_x=_quantity(element, "WellOriginX"),
            well_origin_y=_quantity(element, "WellOriginY"),
        )

    def _well(self, element: _Element, run_of_sample: Mapping[str, int]) -> Well:
        return Well(
            row=int(element.get("Row", 0)),
            column=int(element.get("Column", 0)),
            samples=tuple(
                self._sample(sample, run_of_sample) for sample in element.findall("WellSample")
            ),
            external_description=element.get("ExternalDescription", ""),
            external_identifier=element.get("ExternalIdentifier", ""),
            kind=element.get("Type", ""),
            colour=_int(element, "Color"),
        )

    def _sample(self, element: _Element, run_of_sample: Mapping[str, int]) -> WellSample:
        reference = element.find("ImageRef")
        return WellSample(
            index=int(element.get("Index", 0)),
            image=None if reference is None else self._series.get(reference.get("ID", "")),
            position_x=_quantity(element, "PositionX"),
            position_y=_quantity(element, "PositionY"),
            acquisition=run_of_sample.get(element.get("ID", "")),
        )


def _channel(element: _Element) -> Channel:
    return Channel(
        name=element.get("Name", ""),
        colour=_int(element, "Color"),
        emission_wavelength=_quantity(element, "EmissionWavelength"),
        excitation_wavelength=_quantity(element, "ExcitationWavelength"),
        fluor=element.get("Fluor", ""),
        illumination_type=element.get("IlluminationType", ""),
        acquisition_mode=element.get("AcquisitionMode", ""),
        contrast_method=element.get("ContrastMethod", ""),
        pinhole_size=_quantity(element, "PinholeSize"),
        nd_filter=_float(element, "NDFilter"),
    )


def _acquisition(element: _Element) -> PlateAcquisition:
    return PlateAcquisition(
        name=element.get("Name", ""),
        description=_text(element, "Description"),
        start_time=element.get("StartTime", ""),
        end_time=element.get("EndTime", ""),
        maximum_field_count=_int(element, "MaximumFieldCount"),
    )


def _is_rgb(reader: Any) -> bool:
    """Whether the file keeps several channels in one plane, before the reader separates them."""
    below = reader.getReader()
    return bool(below.getRGBChannelCount() > 1)


def _quantity(element: _Element, attribute: str) -> Quantity | None:
    value = element.get(attribute)
    if value is None:
        return None
    return Quantity(float(value), element.get(f"{attribute}Unit", _DEFAULT_UNITS[attribute]))


def _text(element: _Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _int(element: _Element, attribute: str) -> int | None:
    value = element.get(attribute)
    return None if value is None else int(value)


def _float(element: _Element, attribute: str) -> float | None:
    value = element.get(attribute)
    return None if value is None else float(value)


def _allowed_reference(match: re.Match[str]) -> str:
    """Keep a character reference that XML allows, drop everything else that was matched."""
    text = match.group()
    if not text.startswith("&"):
        return ""
    code = int(text[3:-1], 16) if text[2] == "x" else int(text[2:-1])
    allowed = code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD
    return text if allowed or 0x10000 <= code <= 0x10FFFF else ""
