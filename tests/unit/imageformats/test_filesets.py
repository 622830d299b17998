"""Which files belong together, for a file and for a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import imageformats
from tests.fixtures.ome_tiff import write_ome_tiff, write_plate, write_time_series


def _grouped(folder: Path) -> list[list[str]]:
    return [
        sorted(Path(name).relative_to(folder).as_posix() for name in fileset.files)
        for fileset in imageformats.scan(folder).filesets
    ]


def test_a_file_that_stands_alone(tmp_path: Path) -> None:
    path = write_ome_tiff(tmp_path / "cells.ome.tif")
    write_ome_tiff(tmp_path / "cells.ome.tiff")
    assert imageformats.resolve(path) == [
        imageformats.FilesetFiles((str(path),), "loci.formats.in.OMETiffReader", "OME-TIFF")
    ]


@pytest.mark.parametrize("named", range(3))
def test_any_file_of_a_series_stands_for_it_and_comes_first(tmp_path: Path, named: int) -> None:
    files = write_time_series(tmp_path)
    (fileset,) = imageformats.resolve(files[named])
    others = [path for path in files if path != files[named]]
    assert fileset.files == tuple(map(str, [files[named], *others]))


@pytest.mark.parametrize("named", [0, 3])
def test_any_file_of_a_plate_stands_for_it(tmp_path: Path, named: int) -> None:
    files = write_plate(tmp_path)
    (fileset,) = imageformats.resolve(files[named])
    assert fileset.files == tuple(map(str, files))


def test_a_folder_of_one_plate(tmp_path: Path) -> None:
    files = write_plate(tmp_path)
    (fileset,) = imageformats.resolve(tmp_path)
    assert fileset.files == tuple(map(str, files))


def test_a_folder_of_several_filesets(tmp_path: Path) -> None:
    write_plate(tmp_path / "b", "p1")
    write_time_series(tmp_path / "a")
    write_ome_tiff(tmp_path / "z.ome.tif")
    (tmp_path / "readme.md").write_text("how it was acquired")
    assert _grouped(tmp_path) == [
        ["a/movie_T0.ome.tif", "a/movie_T1.ome.tif", "a/movie_T2.ome.tif"],
        [
            "b/A01_F01.ome.tif",
            "b/A01_F02.ome.tif",
            "b/A02_F01.ome.tif",
            "b/A02_F02.ome.tif",
            "b/p1.companion.ome",
        ],
        ["z.ome.tif"],
    ]
    (unreadable,) = imageformats.scan(tmp_path).unreadable
    assert unreadable.path == str(tmp_path / "readme.md")
    assert unreadable.unknown_format


def test_names_that_are_beginnings_and_ends_of_others(tmp_path: Path) -> None:
    for name in ("a.ome.tif", "aa.ome.tif", "a.ome.tiff", "aa.ome.tiff"):
        write_ome_tiff(tmp_path / name)
    write_time_series(tmp_path, "a", 2)
    write_time_series(tmp_path, "aa", 2)
    assert _grouped(tmp_path) == [
        ["a.ome.tif"],
        ["a.ome.tiff"],
        ["a_T0.ome.tif", "a_T1.ome.tif"],
        ["aa.ome.tif"],
        ["aa.ome.tiff"],
        ["aa_T0.ome.tif", "aa_T1.ome.tif"],
    ]


def test_a_fileset_that_is_part_of_a_later_one_is_dropped(tmp_path: Path) -> None:
    # On its own a.fake is an image; its settings, which come later, claim it with themselves.
    (tmp_path / "a.fake").touch()
    (tmp_path / "a.fake.ini").write_text("sizeZ=4\n")
    (tmp_path / "b.fake").touch()
    assert _grouped(tmp_path) == [["a.fake", "a.fake.ini"], ["b.fake"]]
    assert imageformats.scan(tmp_path).unreadable == ()


def test_a_scan_leaves_out_dot_files_and_what_lies_too_deep(tmp_path: Path) -> None:
    deep = tmp_path / "1" / "2" / "3"
    (deep / "4").mkdir(parents=True)
    for path in (tmp_path / ".hidden.fake", deep / "in.fake", deep / "4" / "out.fake"):
        path.touch()
    assert _grouped(tmp_path) == [["1/2/3/in.fake"]]


def test_spaces_and_letters_beyond_ascii(tmp_path: Path) -> None:
    files = write_time_series(tmp_path / "Größe µm – 細胞", "α Tubulin 細胞骨格 #1%20 & 'x'", 2)
    (fileset,) = imageformats.resolve(files[0])
    assert fileset.files == tuple(map(str, files))


def test_a_link_is_not_followed_to_its_folder(tmp_path: Path) -> None:
    files = write_time_series(tmp_path / "store", t=2)
    links = tmp_path / "links"
    links.mkdir()
    for path in files:
        (links / path.name).symlink_to(path)
    (fileset,) = imageformats.resolve(links / files[0].name)
    assert fileset.files == tuple(str(links / path.name) for path in files)


def test_a_relative_path_gives_absolute_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_ome_tiff(tmp_path / "cells.ome.tif")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (fileset,) = imageformats.resolve("../cells.ome.tif")
    assert fileset.files == (str(tmp_path / "cells.ome.tif"),)


def test_folders_that_a_format_needs() -> None:
    files = ["/data/run/images/a.tif", "/data/run/meta/b.xml"]
    assert imageformats.required_directories(files, "loci.formats.in.OMETiffReader") == 1
    assert imageformats.required_directories(files[:1], "loci.formats.in.ZeissCZIReader") == 0


@pytest.mark.parametrize("reader", ["", "loci.formats.in.NoReader", "java.lang.Object"])
def test_folders_for_what_is_no_reader(reader: str) -> None:
    with pytest.raises(ValueError, match="no Bio-Formats reader is called"):
        imageformats.required_directories(["/data/a.tif"], reader)


def test_sets_of_one_format_one_after_another(tmp_path: Path) -> None:
    """FilePatternReader, once it was closed, opens no second file."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(2):
            write_ome_tiff(tmp_path / name / f"t{number}.tif")
        (tmp_path / name / "all.pattern").write_text("t<0-1>.tif\n")
    names = ["all.pattern", "t0.tif", "t1.tif"]
    found = [Path(file) for each in imageformats.scan(tmp_path).filesets for file in each.files]
    assert found == [tmp_path / folder / name for folder in ("a", "b") for name in names]
    with imageformats.grouping_apart(60) as fileset_of:
        for folder in ("a", "b", "a"):
            path = str(tmp_path / folder / "all.pattern")
            assert [Path(file).name for file in fileset_of(path).files] == names
