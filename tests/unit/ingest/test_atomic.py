"""Atomic writes: whole content or none, and nothing left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest import atomic


def test_text_is_written_as_utf8_into_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "plan" / "b00001.jsonl"
    atomic.write_text(path, "Zellkörper\n")
    assert path.read_bytes() == "Zellkörper\n".encode()


def test_a_name_that_is_not_utf8_is_written_escaped(tmp_path: Path) -> None:
    atomic.write_text(tmp_path / "file", "a\udcff.tif")
    assert (tmp_path / "file").read_bytes() == rb"a\udcff.tif"


def test_the_old_content_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a much longer content than the new one")
    atomic.write_bytes(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_failed_write_keeps_the_old_content_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        atomic.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_umask_decides_the_permissions(tmp_path: Path) -> None:
    path = tmp_path / "file"
    before = os.umask(0o027)
    try:
        atomic.write_bytes(path, b"")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
