"""Disks fill, folders cannot be written to and sources change in the middle of an import."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import pytest
import tifffile

from ingest.fileset import Record
from ingest.stages import importing
from tests.fixtures.world import Source, World
from tests.integration.ingest_omero.rig import Rig, Server, write_image

LARGE, LIMIT = 8_000_000, 6_000_000  # bytes; the server's database stays below the limit


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of this module alone: all that is in it is looked at."""
    server = Server(tmp_path_factory.mktemp("omero"))
    server.start()
    yield server
    server.stop()


@contextmanager
def small_disk(pid: int) -> Iterator[None]:
    """No file of the process can grow beyond LIMIT: writing more fails, as on a full disk."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def add(rig: Rig, path: Path, transfer: str) -> list[Source]:
    rig.add("row", [path], target="Dataset:name:Faults", import_transfer=transfer)
    rig.targets()
    return [Source.remember(path)]


def run(rig: Rig) -> Record:
    return rig.run(importing.STAGE, rig.checksum())["row"]


def fails_then_succeeds(
    rig: Rig, world: World, sources: list[Source], transfer: str, failed: Record, *words: str
) -> None:
    assert failed.status == "error"
    for word in words:
        assert word in f"{failed.cause} {failed.remedy}"
    world.check_not_imported(sources)
    world.check_nothing_is_left_over()
    record = run(rig)
    assert record.status == "ok", record.cause
    world.check_imported(sources, transfer)
    world.check_nothing_is_left_over()


@pytest.mark.parametrize("transfer", ["cp", "cp_rm", "upload", "upload_rm"])
def test_the_disk_fills(rig: Rig, world: World, server: Server, transfer: str) -> None:
    path = rig.folder / "large.tif"
    tifffile.imwrite(path, numpy.zeros((LARGE // 4000, 2000), numpy.uint16))
    sources = add(rig, path, transfer)
    rig.checksum()
    assert server.process is not None
    writer = server.process.pid if transfer.startswith("upload") else os.getpid()
    with small_disk(writer):
        failed = run(rig)
    fails_then_succeeds(rig, world, sources, transfer, failed, "large.tif", "File too large")


def failing(real: Callable[..., Any], below: Path, number: int) -> Callable[..., Any]:
    """`real`, a method of Path, which fails for .tif files below a folder."""

    def fail(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.is_relative_to(below) and path.suffix == ".tif":
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *arguments, **named)

    return fail


@pytest.mark.parametrize(
    ("method", "number", "words"),
    [
        ("read_bytes", errno.EACCES, ("cannot be read", "setgid bit")),
        ("unlink", errno.EACCES, ("cannot be replaced", "setgid bit")),
        ("unlink", errno.EROFS, ("cannot be replaced", "permission to write")),
        ("symlink_to", errno.EACCES, ("could not be written", "group in common")),
        ("symlink_to", errno.ENOSPC, ("could not be written", "Free space")),
    ],
)
def test_the_probe_or_the_link_is_refused(
    rig: Rig,
    world: World,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    number: int,
    words: tuple[str, str],
) -> None:
    sources = add(rig, write_image(rig.folder / "a.tif"), "ln_s")
    # Not where the server removes it: that is a process of its own.
    with monkeypatch.context() as patch:
        patch.setattr(Path, method, failing(getattr(Path, method), server.repository, number))
        failed = run(rig)
    fails_then_succeeds(rig, world, sources, "ln_s", failed, "a.tif", *words)


def at_step(monkeypatch: pytest.MonkeyPatch, step: str, act: Callable[[], None]) -> None:
    real = importing.import_fileset

    def reporting(session: Any, request: Any, mount: Any, report: Any) -> Any:
        return real(session, request, mount, lambda at: act() if at == step else report(at))

    monkeypatch.setattr(importing, "import_fileset", reporting)


def test_the_probe_cannot_be_written(
    rig: Rig, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = add(rig, write_image(rig.folder / "probe" / "a.tif"), "ln_s")

    def take_folder_away() -> None:
        for folder in server.repository.rglob("probe"):
            folder.rmdir()

    with monkeypatch.context() as patch:
        at_step(patch, "places known", take_folder_away)
        failed = run(rig)
    fails_then_succeeds(rig, world, sources, "ln_s", failed, "No such file or directory")


def test_the_server_cannot_read_one_of_many(
    rig: Rig, world: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write_image(rig.folder / f"{number}.tif", number) for number in range(3)]
    rig.add("row", paths, target="Dataset:name:Faults", import_transfer="ln_s")
    rig.targets()

    def lead_astray() -> None:
        for link in server.repository.rglob("2.tif"):
            link.unlink()
            link.symlink_to("/nowhere/2.tif")

    with monkeypatch.context() as patch:
        at_step(patch, "their sizes noted", lead_astray)
        failed = run(rig)
    sources = [Source.remember(path) for path in paths]
    words = ("OMERO cannot read", "2.tif", "same path")
    fails_then_succeeds(rig, world, sources, "ln_s", failed, *words)


@pytest.mark.parametrize("transfer", ["ln_s", "ln", "ln_rm", "cp", "cp_rm", "upload", "upload_rm"])
@pytest.mark.parametrize("step", ["fileset made", "places known", "first file saved"])
def test_the_source_changes(
    rig: Rig, world: World, monkeypatch: pytest.MonkeyPatch, transfer: str, step: str
) -> None:
    path = write_image(rig.folder / "a.tif")
    add(rig, path, transfer)
    with monkeypatch.context() as patch:
        at_step(patch, step, lambda: write_image(path, seed=1) and None)
        failed = run(rig)
    changed = [Source.remember(path)]
    fails_then_succeeds(rig, world, changed, transfer, failed, "a.tif", "changed")
