"""The probe handshake, against a server's side that can be made to misbehave."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import omero
import omero.all
import pytest
from omero.rtypes import rlong

from ingest.digests import digest_file
from ingest.fileset import SourceFile, StageError
from ingest.omero import transfers
from ingest.omero.fileset_graph import ImportRequest

FOLDER = "user_0/2026/"


class Remote:
    """Asynchronous invocations, as Ice's proxies have them, of the operations of a subclass."""

    def __getattr__(self, name: str) -> Any:
        kind, _, operation = name.partition("_")
        if kind == "end":
            return lambda outcome: outcome()
        if kind != "begin":
            raise AttributeError(name)
        return lambda *arguments, _ctx: partial(getattr(self, operation), *arguments, _ctx)


class Server(Remote):
    """One import of one file, whose original file is `root`/user_0/2026/a.tif."""

    def __init__(self, root: Path) -> None:
        self.location = root / FOLDER / "a.tif"
        self.location.parent.mkdir(parents=True)
        self.writes: list[bytes] = []
        self.modes: list[str] = []
        self.read: bytes | None = None
        self.saved = 0
        self.open = 0

    def getUploader(self, _index: int, context: dict[str, str]) -> Any:
        mode = context.get("omero.fs.mode", "rw")
        self.modes.append(mode)
        if mode == "r" and not self.location.exists():
            raise omero.ResourceError(message="no such file")
        self.open += 1
        return Uploader(self)

    def close(self) -> None:
        self.open -= 1
        if self.modes[-1] == "r":
            self.read = self.location.read_bytes()

    def write(self, data: bytes, offset: int, length: int) -> None:
        assert length == len(data)
        self.writes.append(data)
        with self.location.open("r+b" if self.location.exists() else "wb") as file:
            file.seek(offset)
            file.write(data)

    def save(self) -> Any:
        self.saved += 1
        saved = omero.model.OriginalFileI()
        saved.size = rlong(self.location.stat().st_size)
        return saved


class Uploader(Remote):
    def __init__(self, server: Server) -> None:
        self.server = server

    def write(self, data: bytes, offset: int, length: int, _context: Any = None) -> None:
        self.server.write(data, offset, length)

    def save(self, _context: Any) -> Any:
        return self.server.save()

    def close(self, _context: Any) -> None:
        self.server.close()


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "repository")


@pytest.fixture
def put(tmp_path: Path, server: Server) -> Callable[..., None]:
    session: Any = SimpleNamespace(
        context=lambda **extra: {"omero.session.uuid": "u", **extra},
        client=SimpleNamespace(getDefaultBlockSize=lambda: 7),
    )

    repository: Any = SimpleNamespace(proxy=None)

    def transfer(file: SourceFile, how: str, mount: Path = tmp_path / "repository") -> None:
        place = transfers.Place(0, file, 7, mount / FOLDER / "a.tif")
        request = ImportRequest("id", (file,), how, "MD5-128", parallel_files=2)
        try:
            transfers.transfer_files(session, repository, server, [place], request)
        finally:
            assert server.open == 0

    return transfer


def source(tmp_path: Path, content: bytes = b"some bytes of an image") -> SourceFile:
    path = tmp_path / "source.tif"
    path.write_bytes(content)
    found = digest_file(path, ["MD5-128"])
    return SourceFile(
        str(path), str(path), path.name, found.size, found.mtime_ns, found.inode, found.digests
    )


@pytest.mark.parametrize("transfer", ["ln_s", "ln", "cp"])
@pytest.mark.parametrize("size", [0, 22, 32, 36])
def test_the_probe_makes_way_for_the_file(
    tmp_path: Path, server: Server, put: Callable[..., None], transfer: str, size: int
) -> None:
    file = source(tmp_path, b"#" * size)
    put(file, transfer)
    assert server.location.read_bytes() == b"#" * size
    (probe,) = server.writes
    assert len(probe) not in (0, size)
    assert server.modes == ["rw", "r"]
    assert server.read == b"#" * size
    assert Path(file.path).read_bytes() == b"#" * size
    if transfer == "ln_s":
        assert str(server.location.readlink()) == file.path
    else:
        assert server.location.samefile(file.path) == (transfer == "ln")


def test_a_hard_link_is_made_to_the_file_not_to_a_link_to_it(
    tmp_path: Path, server: Server, put: Callable[..., None]
) -> None:
    (tmp_path / "link.tif").symlink_to("source.tif")
    file = source(tmp_path)
    by_link = SourceFile(
        *(str(tmp_path / "link.tif"),) * 2, "link.tif", file.size, file.mtime_ns, file.inode
    )
    put(by_link, "ln")
    assert not server.location.is_symlink()
    assert server.location.samefile(file.path)


def test_a_copy_is_read_only(tmp_path: Path, server: Server, put: Callable[..., None]) -> None:
    put(source(tmp_path), "cp")
    assert server.location.stat().st_mode & 0o222 == 0


def test_an_upload_is_sent_in_blocks(
    tmp_path: Path, server: Server, put: Callable[..., None]
) -> None:
    file = source(tmp_path)
    put(file, "upload")
    assert server.location.read_bytes() == Path(file.path).read_bytes()
    assert [len(block) for block in server.writes] == [0, 7, 7, 7, 1]
    assert server.saved == 1


def test_another_mount_is_noticed_before_anything_is_linked(
    tmp_path: Path, server: Server, put: Callable[..., None]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / FOLDER).mkdir(parents=True)
    with pytest.raises(StageError, match="is not at") as error:
        put(source(tmp_path), "ln_s", elsewhere)
    assert "omero.managed_repository" in error.value.remedy
    assert list((elsewhere / FOLDER).iterdir()) == []


def test_another_file_where_the_probe_should_be_is_left_alone(
    tmp_path: Path, server: Server, put: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(_data: bytes, _offset: int, _length: int) -> None:
        server.location.write_bytes(b"not the probe")

    monkeypatch.setattr(server, "write", write)
    with pytest.raises(StageError, match="does not hold what OMERO wrote"):
        put(source(tmp_path), "ln")
    assert server.location.read_bytes() == b"not the probe"


@pytest.mark.parametrize("dangling", [False, True])
def test_what_is_there_already_is_left_alone(
    tmp_path: Path, server: Server, put: Callable[..., None], dangling: bool
) -> None:
    if dangling:
        server.location.symlink_to("/nowhere")
    else:
        server.location.write_bytes(b"theirs")
    with pytest.raises(StageError, match="exists already"):
        put(source(tmp_path), "ln_s")
    assert server.writes == []
    assert os.path.lexists(server.location)


@pytest.mark.parametrize("when", ["opened", "closed"])
def test_a_server_that_cannot_read_the_source_is_noticed(
    tmp_path: Path,
    server: Server,
    put: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    denied = omero.ResourceError(message="permission denied")

    def opened(index: int, context: dict[str, str]) -> Any:
        if context.get("omero.fs.mode") == "r":
            raise denied
        return Server.getUploader(server, index, context)

    def closed() -> None:
        Server.close(server)
        if server.modes[-1] == "r":
            raise denied

    monkeypatch.setattr(
        server, *(("getUploader", opened) if when == "opened" else ("close", closed))
    )
    with pytest.raises(StageError, match=r"cannot read .*permission denied") as error:
        put(source(tmp_path), "ln_s")
    assert "mount the folder of the sources" in error.value.remedy


def test_a_file_that_changed_after_it_was_hashed_is_not_touched(
    tmp_path: Path, server: Server, put: Callable[..., None]
) -> None:
    file = source(tmp_path)
    Path(file.path).write_bytes(b"other bytes")
    with pytest.raises(StageError, match="changed"):
        put(file, "ln_s")
    assert server.modes == []


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EXDEV, "one file system"),
        (errno.EACCES, "setgid"),
        (errno.ENOSPC, "space"),
        (errno.EIO, "Check its file system"),
    ],
)
def test_what_the_file_system_refuses_has_a_remedy(
    tmp_path: Path,
    server: Server,
    put: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    remedy: str,
) -> None:
    def refuse(_target: Path, _location: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StageError) as error:
        put(source(tmp_path), "ln")
    assert remedy in error.value.remedy
    assert os.strerror(number) in error.value.cause
