"""What goes wrong on disk while files are transferred leaves nothing, and a rerun finishes."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import tifffile

from ingest.fileset import Record
from ingest.omero import transfers
from ingest.stages import importing
from tests.integration.ingest_omero.rig import Rig, write_image

LIMIT = 200_000  # bytes a file may have on the full disk


def large_image(path: Path) -> Path:
    """An image that a full disk takes half of."""
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = numpy.random.default_rng([*str(path).encode()])
    pixels = numbers.integers(0, 60000, (512, 512), dtype=numpy.uint16)
    tifffile.imwrite(path, pixels)
    return path


@contextmanager
def full_disk() -> Iterator[None]:
    """What this process writes fails in the middle of a file, by the kernel's doing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def two_files(rig: Rig, transfer: str) -> list[Path]:
    sources = [write_image(rig.folder / "d" / "1.tif"), large_image(rig.folder / "d" / "2.tif")]
    rig.add("row", sources, import_transfer=transfer)
    return sources


def check_nothing_is_left(rig: Rig, sources: list[Path], record: Record, filesets: int) -> None:
    assert record.status == "error"
    assert record.remedy
    assert rig.count("select f.id from Fileset f") == filesets
    assert [source.stat().st_nlink for source in sources] == [1] * len(sources)
    for source in sources:
        assert rig.links_to(source) == []
        assert rig.copies_of(source) == []
    assert list(rig.server.repository.rglob("*.partial")) == []


def check_rerun(rig: Rig, sources: list[Path], transfer: str) -> None:
    record = rig.import_all()["row"]
    assert record.status == "ok", record.cause
    stored = [Path(path) for path in record.facts["repository_files"].values()]
    assert all(path.is_file() for path in stored)
    assert all(source.exists() == (not transfer.endswith("_rm")) for source in sources)


@pytest.mark.parametrize("transfer", ["cp", "cp_rm"])
def test_the_disk_fills_in_the_middle_of_a_copy(rig: Rig, transfer: str) -> None:
    sources = two_files(rig, transfer)
    before = rig.count("select f.id from Fileset f")
    with full_disk():
        record = rig.import_all()["row"]
    check_nothing_is_left(rig, sources, record, before)
    assert "2.tif could not be written: File too large" in record.cause
    assert "Free space" in record.remedy
    check_rerun(rig, sources, transfer)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "Free space"), (errno.EDQUOT, "quota"), (errno.EIO, "Check")],
)
def test_a_write_fails_after_others(
    rig: Rig, number: int, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = two_files(rig, "cp")
    upstream = rig.checksum()
    rig.targets()
    before = rig.count("select f.id from Fileset f")
    real, real_range = os.write, os.copy_file_range

    def is_new_copy(descriptor: int) -> bool:
        """Raises the error for a copy that has bytes already."""
        is_copy = str(Path(f"/proc/self/fd/{descriptor}").readlink()).endswith(".partial")
        if is_copy and os.fstat(descriptor).st_size:
            raise OSError(number, os.strerror(number))
        return is_copy

    def write(descriptor: int, data: Any) -> int:
        return real(descriptor, data[:1000] if is_new_copy(descriptor) else data)

    def copy_file_range(source: int, target: int, size: int) -> int:
        return real_range(source, target, 1000 if is_new_copy(target) else size)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "copy_file_range", copy_file_range)
    record = rig.run(importing.STAGE, upstream)["row"]
    monkeypatch.undo()
    check_nothing_is_left(rig, sources, record, before)
    assert os.strerror(number) in record.cause
    assert remedy in record.remedy
    check_rerun(rig, sources, "cp")


def test_a_disk_that_is_too_full_is_seen_before_anything_is_made(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = two_files(rig, "cp")
    before = rig.count("select f.id from Fileset f")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
    record = rig.import_all()["row"]
    monkeypatch.undo()
    check_nothing_is_left(rig, sources, record, before)
    assert "where 1000 are free" in record.cause
    check_rerun(rig, sources, "cp")


def test_a_repository_that_is_not_mounted_is_seen_before_anything_is_made(rig: Rig) -> None:
    sources = two_files(rig, "ln_s")
    before = rig.count("select f.id from Fileset f")
    rig.options["omero"] = {
        **{"embedded": True, "embedded_folder": str(rig.server.folder)},
        "managed_repository": str(rig.folder / "not-there"),
    }
    rig.context.config = rig.config
    record = rig.import_all()["row"]
    check_nothing_is_left(rig, sources, record, before)
    assert "not-there" in record.cause
    assert "omero.managed_repository" in record.remedy
    # An upload needs none, and the sources of one are removed all the same.
    rig.change("row", import_transfer="upload_rm")
    uploaded = rig.import_all()["row"]
    assert uploaded.status == "ok", uploaded.cause
    assert not any(source.exists() for source in sources)


@pytest.mark.parametrize("transfer", ["ln", "ln_rm"])
def test_a_bind_mount_is_seen_when_the_link_is_made(
    rig: Rig, transfer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = two_files(rig, transfer)
    upstream = rig.checksum()
    rig.targets()
    before = rig.count("select f.id from Fileset f")
    real = os.link

    def link(source: str, destination: Path) -> None:
        if str(source).endswith("2.tif"):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(source, destination)

    monkeypatch.setattr(os, "link", link)
    record = rig.run(importing.STAGE, upstream)["row"]
    monkeypatch.undo()
    check_nothing_is_left(rig, sources, record, before)
    assert "no hard link of" in record.cause
    assert "cp or ln_s" in record.remedy
    check_rerun(rig, sources, transfer)


def rewrite(path: Path, restore_time: bool) -> None:
    found = path.stat()
    with path.open("r+b") as file:
        file.seek(-5, os.SEEK_END)
        file.write(b"other")
    if restore_time:
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def cut(path: Path, _restore_time: bool) -> None:
    os.truncate(path, path.stat().st_size - 4)


def replace_by_another(path: Path, _restore_time: bool) -> None:
    content, found = path.read_bytes(), path.stat()
    other = path.with_suffix(".new")
    other.write_bytes(content)
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    other.rename(path)


Change = Callable[[Path, bool], None]


@pytest.mark.parametrize("transfer", ["ln_s", "ln", "ln_rm", "cp", "cp_rm", "upload", "upload_rm"])
@pytest.mark.parametrize(
    ("change", "restore_time"),
    [(rewrite, False), (rewrite, True), (replace_by_another, False), (cut, False)],
)
def test_a_source_that_changes_while_it_is_read(
    rig: Rig, transfer: str, change: Change, restore_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = two_files(rig, transfer)
    upstream = rig.checksum()
    rig.targets()
    before = rig.count("select f.id from Fileset f")
    # Between the look at the source and the reading of it: where somebody else's write is felt.
    name = "_send" if transfer.startswith("upload") else "place"
    real = getattr(transfers, name)

    def disturbed(*arguments: Any) -> None:
        (file,) = (argument for argument in arguments if hasattr(argument, "digests"))
        if file.path == str(sources[1]):
            change(sources[1], restore_time)
        real(*arguments)

    monkeypatch.setattr(transfers, name, disturbed)
    record = rig.run(importing.STAGE, upstream)["row"]
    monkeypatch.undo()
    check_nothing_is_left(rig, sources, record, before)
    assert str(sources[1]) in record.cause
    assert ("changed after its checksum" in record.cause) != restore_time
    if change is cut:
        large_image(sources[1])
    check_rerun(rig, sources, transfer)
