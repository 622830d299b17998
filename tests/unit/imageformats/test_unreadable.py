"""What cannot be read, and that nothing is written where images are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile

import imageformats
from imageformats import UnreadableImage
from imageformats.truncation import check_complete
from tests.fixtures.ome_tiff import recording, write_ome_tiff, write_plate, write_time_series

MICROGRAPHS = Path(__file__).parents[2] / "fixtures" / "micrographs"


def _problem(path: Path) -> UnreadableImage:
    with pytest.raises(UnreadableImage) as caught:
        imageformats.resolve(path)
    assert caught.value.path == str(path)
    return caught.value


@pytest.mark.parametrize("read", [imageformats.resolve, imageformats.describe])
def test_a_file_that_is_not_there(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(UnreadableImage, match="no such file") as caught:
        read(tmp_path / "gone.tif")
    assert not caught.value.unknown_format


def test_a_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a.tif").symlink_to(tmp_path / "gone")
    assert "no such file" in _problem(tmp_path / "a.tif").reason


@pytest.mark.parametrize("name", ["notes.txt", "Thumbs.db", "manifest.csv", "a.xml"])
def test_what_no_reader_knows(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("no image\n" * 30)
    problem = _problem(tmp_path / name)
    assert problem.unknown_format
    assert "no Bio-Formats reader knows" in problem.reason


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.lif", "a.dcm"])
def test_what_is_not_what_its_name_says(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("no image\n" * 30)
    problem = _problem(tmp_path / name)
    assert not problem.unknown_format
    assert problem.reason.startswith("Bio-Formats reports: ")


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.png"])
def test_an_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert _problem(tmp_path / name).reason == "it is empty"


def test_a_zip_archive_broken_or_not(tmp_path: Path) -> None:
    (tmp_path / "a.ZIP").write_bytes(b"PK")
    assert "unpack it" in _problem(tmp_path / "a.ZIP").reason


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("layout", ["ome", "plain", "big", "pyramid"])
def test_a_truncated_tiff(tmp_path: Path, layout: str, share: float) -> None:
    path = tmp_path / f"{layout}.ome.tif"
    pixels = recording(z=4, size=64).pixels[0, 0]
    if layout == "ome":
        write_ome_tiff(path, recording(z=4, size=64))
    elif layout == "pyramid":
        with tifffile.TiffWriter(path, ome=True) as tiff:
            tiff.write(pixels[0], subifds=1, tile=(16, 16))
            tiff.write(pixels[0, ::2, ::2], subfiletype=1, tile=(16, 16))
    else:
        path = tmp_path / f"{layout}.tif"
        tifffile.imwrite(path, pixels, bigtiff=layout == "big", photometric="minisblack")
    content = path.read_bytes()
    imageformats.resolve(path)
    path.write_bytes(content[: int(len(content) * share)])
    reason = _problem(path).reason
    assert "truncated" in reason or "Bio-Formats reports" in reason


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_one_byte_short_of_its_last_pixel(tmp_path: Path, order: str, big: bool) -> None:
    path = tmp_path / "a.tif"
    reader = "loci.formats.in.TiffDelegateReader"
    tifffile.imwrite(path, recording().pixels[0, 0, 0], byteorder=order, bigtiff=big)
    page = tifffile.TiffFile(path).pages[0]
    end = page.dataoffsets[-1] + page.databytecounts[-1]
    os.truncate(path, end)
    check_complete([str(path)], reader)
    os.truncate(path, end - 1)
    with pytest.raises(UnreadableImage, match="truncated"):
        check_complete([str(path)], reader)
    check_complete([str(path)], "loci.formats.in.ZeissLSMReader")


def test_a_truncated_png(tmp_path: Path) -> None:
    content = (MICROGRAPHS / "cell_phase.png").read_bytes()
    (tmp_path / "cell.png").write_bytes(content[:30000])
    assert not _problem(tmp_path / "cell.png").unknown_format


def test_a_series_that_lacks_a_file(tmp_path: Path) -> None:
    files = write_time_series(tmp_path)
    files[1].unlink()
    assert files[1].name in _problem(files[0]).reason
    assert imageformats.scan(tmp_path).filesets == ()


def test_a_plate_that_lacks_a_field(tmp_path: Path) -> None:
    files = write_plate(tmp_path)
    files[-1].unlink()
    assert files[-1].name in _problem(files[0]).reason


def test_a_folder_without_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    assert _problem(tmp_path).unknown_format


def test_a_broken_file_among_good_ones_is_not_left_behind_unnoticed(tmp_path: Path) -> None:
    write_ome_tiff(tmp_path / "a.ome.tif")
    (tmp_path / "b.ome.tif").write_bytes(b"II*\0 and no more")
    (tmp_path / "c.txt").write_text("no image")
    write_ome_tiff(tmp_path / "d.ome.tif")
    with pytest.raises(UnreadableImage, match=r"b\.ome\.tif: "):
        imageformats.resolve(tmp_path)
    found = imageformats.scan(tmp_path)
    assert [Path(fileset.files[0]).name for fileset in found.filesets] == ["a.ome.tif", "d.ome.tif"]
    assert [Path(error.path).name for error in found.unreadable] == ["b.ome.tif", "c.txt"]


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.fake"
    os.close(os.open(name, os.O_CREAT))
    with pytest.raises(UnreadableImage, match="UTF-8"):
        imageformats.resolve(os.fsdecode(name))


def _state(folder: Path) -> dict[str, tuple[int, int, int]]:
    paths = [folder, *folder.rglob("*")]
    stats = {str(path): path.stat() for path in paths}
    return {name: (stat.st_mtime_ns, stat.st_size, stat.st_mode) for name, stat in stats.items()}


def test_a_read_only_folder_is_left_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    write_plate(folder)
    write_ome_tiff(folder / "cells.ome.tif")
    (folder / "cell.png").write_bytes((MICROGRAPHS / "cell_phase.png").read_bytes())
    (folder / "stack&sizeZ=3.fake").touch()
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    before = _state(folder)
    filesets = imageformats.resolve(folder)
    assert len(filesets) == 4
    for fileset in filesets:
        with imageformats.open_planes(fileset.files[0]) as reader:
            reader.describe()
            reader.plane(0, 0, 0, 0)
    assert _state(folder) == before
    folder.chmod(0o755)
