"""What a fileset holds, in the words of the OME model; field names follow OMERO's.

Numbers are as the file says; None or empty means that the file does not say.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measure with its unit's symbol as the OME model writes it: µm, nm, s, ms, ..."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Channel:
    """`colour` is RGBA as a signed 32-bit number, red in the highest byte, as OME writes it."""

    name: str
    colour: int | None = None
    emission_wavelength: Quantity | None = None
    excitation_wavelength: Quantity | None = None
    fluor: str = ""
    illumination_type: str = ""
    acquisition_mode: str = ""
    contrast_method: str = ""
    pinhole_size: Quantity | None = None
    nd_filter: float | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """The lens an image was taken through. Immersion and correction are OME's words."""

    model: str = ""
    manufacturer: str = ""
    nominal_magnification: float | None = None
    lens_na: float | None = None
    immersion: str = ""
    correction: str = ""
    working_distance: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """One series: sizes are pixels (x, y) and counts (z, c, t), as OMERO sees them.

    RGB images have one channel per colour. `pixel_type` is OMERO's name: int8, uint8, int16,
    uint16, int32, uint32, float, double, bit. `acquisition_date` is ISO 8601. `resolutions` counts
    the pyramid's levels, 1 when there is only the full one. `thumbnail` marks a series that is a
    thumbnail of another one.
    """

    series: int
    name: str
    description: str
    acquisition_date: str
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    pixel_type: str
    significant_bits: int
    dimension_order: str
    rgb: bool
    channels: tuple[Channel, ...]
    physical_size_x: Quantity | None = None
    physical_size_y: Quantity | None = None
    physical_size_z: Quantity | None = None
    time_increment: Quantity | None = None
    objective: Objective | None = None
    resolutions: int = 1
    thumbnail: bool = False


@dataclass(frozen=True, slots=True)
class WellSample:
    """A field of a well: `image` is a series number, `acquisition` an index of the plate's."""

    index: int
    image: int | None
    position_x: Quantity | None = None
    position_y: Quantity | None = None
    acquisition: int | None = None


@dataclass(frozen=True, slots=True)
class Well:
    """A well at `row` and `column`, both from 0."""

    row: int
    column: int
    samples: tuple[WellSample, ...]
    external_description: str = ""
    external_identifier: str = ""
    kind: str = ""
    colour: int | None = None


@dataclass(frozen=True, slots=True)
class PlateAcquisition:
    """One run over a plate; times are ISO 8601."""

    name: str
    description: str = ""
    start_time: str = ""
    end_time: str = ""
    maximum_field_count: int | None = None


@dataclass(frozen=True, slots=True)
class Plate:
    """`rows` and `columns` of the plate, or None; naming conventions are `letter` or `number`."""

    name: str
    wells: tuple[Well, ...]
    acquisitions: tuple[PlateAcquisition, ...] = ()
    description: str = ""
    external_identifier: str = ""
    status: str = ""
    rows: int | None = None
    columns: int | None = None
    row_naming_convention: str = ""
    column_naming_convention: str = ""
    well_origin_x: Quantity | None = None
    well_origin_y: Quantity | None = None


@dataclass(frozen=True, slots=True)
class ImageFileset:
    """Everything a fileset holds. `files`, `reader` and `format` are as in FilesetFiles."""

    files: tuple[str, ...]
    reader: str
    format: str
    images: tuple[Image, ...]
    plates: tuple[Plate, ...] = ()
