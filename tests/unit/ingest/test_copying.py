"""A copy is the source's bytes on disk under its name, or there is none under that name."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ingest import copying
from ingest.copying import copy_several, copy_verified, partial_path
from ingest.digests import digest_file
from ingest.fileset import SourceFile, StageError
from ingest.source_errors import SourceChanged

CONTENT = bytes(range(256)) * 20_000  # five blocks


@pytest.fixture
def source(tmp_path: Path) -> SourceFile:
    path = tmp_path / "data" / "image.tif"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    os.utime(path, ns=(1_000_000_007, 1_000_000_007))
    return described(path)


@pytest.fixture(autouse=True, params=["by the kernel", "by the kernel in part", "by hand"])
def copier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The kernel copies as far as it can between the two file systems."""
    copy_file_range, calls = os.copy_file_range, []

    def once(source: int, target: int, size: int) -> int:
        calls.append(size)
        if len(calls) > 1:
            raise OSError(5, "Input/output error")
        return copy_file_range(source, target, min(size, 99_999))

    def never(*_arguments: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    if request.param != "by the kernel":
        is_never = request.param == "by hand"
        monkeypatch.setattr(os, "copy_file_range", never if is_never else once)
    return str(request.param)


def described(path: Path) -> SourceFile:
    found = digest_file(path, ["Murmur3-128"])
    return SourceFile(
        str(path), str(path), path.name, found.size, found.mtime_ns, found.inode, found.digests
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "store" / "set" / "sub" / "image.tif"


def test_a_copy_has_the_bytes_and_the_time_and_is_read_only(
    source: SourceFile, destination: Path
) -> None:
    before = Path(source.path).stat()
    seen: list[int] = []
    copy_verified(source, destination, seen.append)
    assert destination.read_bytes() == CONTENT
    found = destination.stat()
    assert found.st_mtime_ns == source.mtime_ns
    assert stat.S_IMODE(found.st_mode) & 0o222 == 0
    assert stat.S_IMODE(found.st_mode) & 0o400
    assert sum(seen) == len(CONTENT)
    assert names(destination.parent) == ["image.tif"]
    after = Path(source.path).stat()
    assert (after.st_mtime_ns, after.st_ctime_ns, after.st_atime_ns) == (
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_atime_ns,
    )


def test_the_longest_name_can_be_copied(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    path.write_bytes(b"abc")
    copy_verified(described(path), tmp_path / "store" / path.name)
    assert (tmp_path / "store" / path.name).read_bytes() == b"abc"


def test_an_unfinished_copy_is_replaced(source: SourceFile, destination: Path) -> None:
    destination.parent.mkdir(parents=True)
    partial_path(destination).write_bytes(b"torn")
    partial_path(destination).chmod(0o444)
    copy_verified(source, destination)
    assert names(destination.parent) == ["image.tif"]
    assert destination.read_bytes() == CONTENT


def test_an_existing_file_is_not_overwritten(source: SourceFile, destination: Path) -> None:
    destination.parent.mkdir(parents=True)
    destination.write_bytes(b"precious")
    with pytest.raises(StageError, match="appeared"):
        copy_verified(source, destination)
    assert destination.read_bytes() == b"precious"
    assert names(destination.parent) == ["image.tif"]


def test_a_source_that_changed_since_its_checksum_is_refused_before_it_is_read(
    source: SourceFile, destination: Path
) -> None:
    os.utime(source.path, ns=(5, 5))
    with pytest.raises(SourceChanged):
        copy_verified(source, destination, lambda _size: pytest.fail("it was read"))
    assert names(destination.parent) == []


def test_a_source_that_changes_while_it_is_copied_is_refused(
    source: SourceFile, destination: Path
) -> None:
    with pytest.raises(SourceChanged, match="still being written"):
        copy_verified(source, destination, lambda _size: os.utime(source.path, ns=(5, 5)))
    assert names(destination.parent) == []


def test_bytes_that_changed_behind_the_same_stat_are_found(
    source: SourceFile, destination: Path
) -> None:
    with Path(source.path).open("r+b") as file:
        file.write(b"bitrot")
    os.utime(source.path, ns=(source.mtime_ns, source.mtime_ns))
    with pytest.raises(StageError, match="Murmur3-128") as caught:
        copy_verified(source, destination)
    assert source.path in caught.value.cause
    assert names(destination.parent) == []


@pytest.mark.parametrize("recorded", [{}, {"File-Size-64": "wrong"}, {"CRC-32": "00000000"}])
def test_without_a_strong_digest_the_bytes_of_now_are_compared(
    source: SourceFile, destination: Path, recorded: dict[str, str]
) -> None:
    file = replace(source, digests=recorded)
    if recorded:
        with pytest.raises(StageError, match="was read with"):
            copy_verified(file, destination)
        file = replace(file, digests=digest_file(source.path, recorded).digests)
    copy_verified(file, destination)
    assert destination.read_bytes() == CONTENT


def test_a_copy_that_is_not_the_source_is_found_without_a_recorded_digest(
    source: SourceFile, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def garbled(source: int, target: int, size: int) -> int:
        return os.write(target, bytes(len(os.read(source, size))))

    monkeypatch.setattr(os, "copy_file_range", garbled)
    with pytest.raises(StageError, match="read back with BLAKE3"):
        copy_verified(replace(source, digests={}), destination)
    assert names(destination.parent) == []


def test_a_disk_that_does_not_keep_the_bytes_is_found(
    source: SourceFile, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: os.pwrite(descriptor, b"bitrot", 0))
    with pytest.raises(StageError, match="read back"):
        copy_verified(source, destination)
    assert names(destination.parent) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [(os, "write"), (os, "fsync"), (os, "utime"), (os, "fchmod"), (Path, "rename")],
)
def test_whatever_fails_leaves_no_copy_and_the_next_try_works(
    source: SourceFile,
    destination: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    copying.make_folder(destination.parent)
    monkeypatch.setattr(os, "copy_file_range", fail)
    monkeypatch.setattr(module, name, fail)
    with pytest.raises(StageError, match="No space left") as caught:
        copy_verified(source, destination)
    monkeypatch.undo()
    assert str(destination) in caught.value.cause
    assert "Free space" in caught.value.remedy
    assert names(destination.parent) == []
    copy_verified(source, destination)
    assert destination.read_bytes() == CONTENT


def test_a_source_that_cannot_be_read_is_what_the_error_is_about(
    source: SourceFile, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(5, "Input/output error")

    for name in ("copy_file_range", "readv"):
        monkeypatch.setattr(os, name, fail)
    with pytest.raises(StageError, match="could not be read: Input/output") as caught:
        copy_verified(source, destination)
    monkeypatch.undo()
    assert source.path in caught.value.cause
    assert names(destination.parent) == []
    Path(source.path).unlink()
    with pytest.raises(StageError, match="does not exist"):
        copy_verified(source, destination)


def test_short_writes_are_completed(
    source: SourceFile, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:99_999]))
    copy_verified(source, destination)
    monkeypatch.undo()
    assert destination.read_bytes() == CONTENT


def test_a_store_that_may_not_be_written_says_what_to_do(
    source: SourceFile, tmp_path: Path
) -> None:
    (tmp_path / "store").write_text("a file, not a folder")
    with pytest.raises(StageError, match="could not be written"):
        copy_verified(source, tmp_path / "store" / "set" / "image.tif")


def test_of_several_one_that_fails_leaves_none_half_done(
    source: SourceFile, destination: Path
) -> None:
    small = Path(source.path).with_name("small.tif")
    small.write_bytes(b"small")
    pairs = [
        (described(small), destination.with_name("small.tif")),
        (replace(source, digests={"BLAKE3": "0" * 64}), destination),
    ]
    with pytest.raises(StageError, match="was read with BLAKE3"):
        copy_several(pairs)
    assert names(destination.parent) == []
    copy_several([pairs[0], (source, destination)])
    assert names(destination.parent) == ["image.tif", "small.tif"]
    assert destination.with_name("small.tif").read_bytes() == b"small"
