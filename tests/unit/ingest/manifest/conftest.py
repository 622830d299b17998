from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ingest.config import load
from ingest.manifest import Manifest, read_manifest
from tests.unit.ingest.manifest.reading import Read, as_csv


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """a.tif, b.tif, set/1.tif, set/2.tif, set/deep/3.tif, empty/ and odd things."""
    for name in ("a.tif", "b.tif", "set/1.tif", "set/2.tif", "set/deep/3.tif", "Zelle 1.tif"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "empty" / "deep").mkdir(parents=True)
    (tmp_path / "sums.md5").touch()
    (tmp_path / "link.tif").symlink_to("a.tif")
    (tmp_path / "broken.tif").symlink_to("gone.tif")
    (tmp_path / "setlink").symlink_to("set")
    (tmp_path / "deeplink").symlink_to("set/deep")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # the address of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    return tmp_path


@pytest.fixture
def read(folder: Path) -> Read:
    """Reads a manifest given as text, bytes or rows under the given options."""

    def read_it(content: str | bytes | Sequence[dict[str, str]], **options: Any) -> Manifest:
        if not isinstance(content, str | bytes):
            content = as_csv(content)
        if isinstance(content, str):
            content = content.encode()
        (folder / "manifest.csv").write_bytes(content)
        return read_manifest(load({"manifest": "manifest.csv", **options}), folder)

    return read_it
