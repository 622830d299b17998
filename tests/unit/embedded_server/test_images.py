"""How images are named, coloured and drawn."""

from __future__ import annotations

import dataclasses

import numpy as np

from imageformats.model import Channel, Image, Quantity
from omero_embedded.imports import units
from omero_embedded.imports.images import image_name, image_views, rgba, timestamp
from omero_embedded.imports.statistics import Statistics
from omero_embedded.pixels.rendering import ChannelView, default_views, full_range, render

IMAGE = Image(
    series=2,
    name="field 3",
    description="",
    acquisition_date="",
    size_x=4,
    size_y=3,
    size_z=1,
    size_c=2,
    size_t=1,
    pixel_type="uint16",
    significant_bits=12,
    dimension_order="XYZCT",
    rgb=False,
    channels=(Channel("DAPI"), Channel("GFP", colour=0x0A141EFF)),
)


def test_one_image_has_its_files_name_several_say_which() -> None:
    assert image_name(IMAGE, 1, "a.tif") == "a.tif"
    assert image_name(IMAGE, 5, "a.tif") == "a.tif [field 3]"
    assert image_name(dataclasses.replace(IMAGE, name=" "), 5, "a.tif") == "a.tif [2]"
    long = image_name(IMAGE, 1, "x" * 300 + ".tif")
    assert (len(long), long[0], long[-4:]) == (255, "…", ".tif")


def test_colours_are_the_files_or_by_place() -> None:
    assert rgba(-1) == (255, 255, 255, 255)
    assert rgba(0x0A141EFF) == (10, 20, 30, 255)
    views = image_views(IMAGE, Statistics(((1, 2), (3, 4)), "x"))
    assert views == [ChannelView(0, 1, 2, (255, 0, 0)), ChannelView(1, 3, 4, (10, 20, 30))]
    photograph = dataclasses.replace(IMAGE, rgb=True, pixel_type="uint8")
    assert image_views(photograph, Statistics(((1, 2), (3, 4)), "x"))[0].end == 255
    [grey] = default_views([None], [450.0], [None], "uint8")
    assert grey.colour == (255, 255, 255)
    assert default_views([None] * 2, [450.0, 520.0], [None] * 2, "int16")[1].colour == (0, 255, 0)


def test_windows_cut_and_colours_add_up() -> None:
    plane = np.array([[0, 50, 100, 200]], np.uint16)
    picture = render(
        [plane, plane], [ChannelView(0, 50, 100, (255, 0, 0)), ChannelView(1, 0, 200, (0, 200, 0))]
    )
    assert picture[0].tolist() == [[0, 0, 0], [0, 50, 0], [255, 100, 0], [255, 200, 0]]
    flat = render([plane * 0], [ChannelView(0, 0, 0, (255, 255, 255))])
    assert not flat.any()


def test_ranges_of_types() -> None:
    assert full_range("int8") == (-128, 127)
    assert full_range("bit") == (0, 1)
    assert full_range("double") == (0, 1)


def test_dates_and_lengths() -> None:
    assert timestamp("2026-01-02T03:04:05").val == 1767323045000
    assert timestamp("2026-01-02T03:04:05+01:00").val == 1767319445000
    assert timestamp("yesterday") is None
    made = units.length(Quantity(0.5, "µm"))
    assert (made.getValue(), str(made.getUnit())) == (0.5, "MICROMETER")
    assert units.length(Quantity(1, "reference frame")) is not None
    assert units.length(Quantity(1, "furlongs")) is None
    assert units.time(None) is None
