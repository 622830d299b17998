"""Plates, wells and fields as model objects, not saved yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import omero
import omero.model
from omero.rtypes import rint, rstring

import imageformats.model as ome
from omero_embedded.imports import units
from omero_embedded.imports.images import rgba, timestamp


def plate_graph(
    plate: ome.Plate,
    images: Mapping[int, Any],
    name: str,
    description: str | None,
) -> Any:
    """A PlateI with its runs, wells and fields. `images`: series -> the ImageI."""
    made = omero.model.PlateI()
    made.name = rstring(name)
    made.description = _text(description or plate.description)
    made.externalIdentifier, made.status = _text(plate.external_identifier), _text(plate.status)
    made.rows = None if plate.rows is None else rint(plate.rows)
    made.columns = None if plate.columns is None else rint(plate.columns)
    made.rowNamingConvention = _text(plate.row_naming_convention)
    made.columnNamingConvention = _text(plate.column_naming_convention)
    made.wellOriginX = units.length(plate.well_origin_x)
    made.wellOriginY = units.length(plate.well_origin_y)
    runs = [_run(acquisition) for acquisition in plate.acquisitions]
    for run in runs:
        made.addPlateAcquisition(run)
    for well in plate.wells:
        made.addWell(_well(well, images, runs))
    return made


def _run(acquisition: ome.PlateAcquisition) -> Any:
    made = omero.model.PlateAcquisitionI()
    made.name, made.description = _text(acquisition.name), _text(acquisition.description)
    made.startTime = timestamp(acquisition.start_time)
    made.endTime = timestamp(acquisition.end_time)
    if acquisition.maximum_field_count is not None:
        made.maximumFieldCount = rint(acquisition.maximum_field_count)
    return made


def _well(well: ome.Well, images: Mapping[int, Any], runs: list[Any]) -> Any:
    made = omero.model.WellI()
    made.row, made.column = rint(well.row), rint(well.column)
    made.externalDescription = _text(well.external_description)
    made.externalIdentifier = _text(well.external_identifier)
    made.type = _text(well.kind)
    if well.colour is not None:
        made.red, made.green, made.blue, made.alpha = (rint(c) for c in rgba(well.colour))
    for sample in sorted(well.samples, key=lambda sample: sample.index):
        # A field that was planned and not taken has no image, and OMERO no place for it.
        if sample.image is not None and sample.image in images:
            made.addWellSample(_sample(sample, images[sample.image], runs))
    return made


def _sample(sample: ome.WellSample, image: Any, runs: list[Any]) -> Any:
    made = omero.model.WellSampleI()
    made.posX, made.posY = units.length(sample.position_x), units.length(sample.position_y)
    image.addWellSample(made)
    if sample.acquisition is not None:
        runs[sample.acquisition].addWellSample(made)
    return made


def _text(value: str | None) -> Any:
    return rstring(value) if value else None
