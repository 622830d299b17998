"""Files of an order that belong together, by Bio-Formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.fileset import BadText
from ingest.orders.grouping import fileset_paths
from ingest.orders.order import Order
from tests.integration.workflow.images import write_image

LIMIT = 3600


def order(*paths: Path, convert: str = "") -> Order:
    return Order("u", "anna", "lab", "Dataset:id:1", tuple(map(str, paths)), convert)


@pytest.fixture
def pattern(tmp_path: Path) -> Path:
    """A file that names two others, with which it is one image."""
    for number in range(2):
        write_image(tmp_path / "set" / f"t{number}.tif", number)
    (tmp_path / "set" / "all.pattern").write_text("t<0-1>.tif\n")
    return tmp_path / "set" / "all.pattern"


def test_files_of_one_fileset_are_one_row(tmp_path: Path, pattern: Path) -> None:
    single = write_image(tmp_path / "single.ome.tif", 3)
    broken = tmp_path / "broken.czi"
    broken.write_bytes(b"no image")
    first, second = pattern.with_name("t0.tif"), pattern.with_name("t1.tif")
    whole = [str(pattern), str(single), str(broken)]
    assert fileset_paths(order(pattern, single, first, broken, second), LIMIT) == whole
    late = [str(single), str(pattern), str(broken)]
    assert fileset_paths(order(first, single, pattern, second, broken), LIMIT) == late
    assert fileset_paths(order(first, second), LIMIT) == [str(first), str(second)]


def test_a_folder_is_a_row_for_each_of_its_filesets(tmp_path: Path, pattern: Path) -> None:
    single = write_image(tmp_path / "more" / "single.ome.tif", 3)
    (tmp_path / "notes.txt").write_text("nothing")
    folder = [str(single), str(pattern)]
    assert fileset_paths(order(tmp_path), LIMIT) == folder
    assert fileset_paths(order(pattern.parent, pattern, single), LIMIT) == folder[::-1]


def test_what_a_converter_gets_is_left_as_it_is(tmp_path: Path, pattern: Path) -> None:
    given = [str(tmp_path), str(pattern)]
    assert fileset_paths(order(tmp_path, pattern, convert="leica"), LIMIT) == given


def test_an_ome_zarr_and_an_empty_folder_are_one_row(tmp_path: Path) -> None:
    zarr, empty = tmp_path / "a.ome.zarr", tmp_path / "empty"
    zarr.mkdir()
    empty.mkdir()
    assert fileset_paths(order(zarr, empty), LIMIT) == [str(zarr), str(empty)]


def test_a_file_that_keeps_bioformats_busy_refuses_its_order(tmp_path: Path) -> None:
    endless = tmp_path / "b&sleepInitFile=3600000.fake"
    endless.touch()
    image = write_image(tmp_path / "image.ome.tif", 1)
    for asked in (order(image, endless), order(tmp_path)):
        with pytest.raises(BadText, match="keeps Bio-Formats busy"):
            fileset_paths(asked, 5)
