import os
from pathlib import Path

import pytest

from ingest.fileset import SourceFile, StageError
from ingest.omero.cleanup import _check_linked_elsewhere, _check_sources_there, remove_leftover


@pytest.fixture
def source(tmp_path: Path) -> SourceFile:
    path = tmp_path / "source.tif"
    path.write_bytes(b"0123456789")
    found = path.stat()
    return SourceFile(
        str(path), str(path), path.name, found.st_size, found.st_mtime_ns, found.st_ino
    )


@pytest.fixture
def location(tmp_path: Path) -> Path:
    (tmp_path / "repository").mkdir()
    return tmp_path / "repository" / "source.tif"


def test_a_symbolic_link_goes_the_source_stays(source: SourceFile, location: Path) -> None:
    location.symlink_to(source.path)
    assert remove_leftover(location, [source])
    assert not os.path.lexists(location)
    assert Path(source.path).read_bytes() == b"0123456789"


def test_a_dangling_link_goes(source: SourceFile, location: Path) -> None:
    location.symlink_to("/nowhere/at/all")
    assert remove_leftover(location, [source])
    assert not os.path.lexists(location)


def test_a_hard_link_goes_the_source_stays(source: SourceFile, location: Path) -> None:
    location.hardlink_to(source.path)
    assert remove_leftover(location, [source])
    assert not location.exists()
    assert Path(source.path).read_bytes() == b"0123456789"


def test_a_copy_goes(source: SourceFile, location: Path) -> None:
    location.write_bytes(b"0123456789")
    assert remove_leftover(location, [source])
    assert not location.exists()


def test_the_last_name_of_the_source_stays(source: SourceFile, location: Path) -> None:
    Path(source.path).rename(location)
    assert not remove_leftover(location, [source])
    assert location.read_bytes() == b"0123456789"


def test_a_source_inside_the_repository_stays(source: SourceFile, tmp_path: Path) -> None:
    other_way = tmp_path / "mount"
    other_way.symlink_to(tmp_path)
    (tmp_path / "second name").hardlink_to(source.path)
    assert not remove_leftover(other_way / "source.tif", [source])
    assert Path(source.path).exists()


def test_a_folder_stays(source: SourceFile, location: Path) -> None:
    location.mkdir()
    assert not remove_leftover(location, [source])
    assert location.is_dir()


def test_nothing_there_is_nothing_left(source: SourceFile, location: Path) -> None:
    assert remove_leftover(location, [source])


def test_an_unfinished_hard_link_without_its_source_is_not_deleted(
    source: SourceFile, location: Path
) -> None:
    location.hardlink_to(source.path)
    _check_linked_elsewhere(location, 1)
    Path(source.path).unlink()
    with pytest.raises(StageError, match="the only name left"):
        _check_linked_elsewhere(location, 1)


@pytest.mark.parametrize("size", [0, 32, 36])
def test_a_probe_is_no_bytes_of_a_source(location: Path, size: int) -> None:
    location.write_bytes(b"01234567-89ab-cdef-0123-456789abcdef"[:size])
    _check_linked_elsewhere(location, 1)


@pytest.mark.parametrize("size", [32, 36])
def test_a_file_of_a_probes_size_is_no_probe(location: Path, size: int) -> None:
    location.write_bytes(b"x" * size)
    with pytest.raises(StageError, match="the only name left"):
        _check_linked_elsewhere(location, 1)


def test_a_fileset_whose_source_is_gone_may_hold_its_only_copy(source: SourceFile) -> None:
    _check_sources_there([source], 1)
    Path(source.path).unlink()
    with pytest.raises(StageError, match=r"Fileset:1, .* may hold its only copy") as error:
        _check_sources_there([source], 1)
    assert source.path in error.value.cause
