"""A results folder that takes nothing is told in words, and nothing is left in one that does."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.fileset import StageError
from ingest.results_folder import check_results_folder


def test_one_that_is_made(tmp_path: Path) -> None:
    check_results_folder(tmp_path / "a" / "results")
    assert list((tmp_path / "a" / "results").iterdir()) == []


def a_file(folder: Path) -> None:
    folder.write_text("no folder")


def mounted(*options: str) -> Callable[[Path], None]:
    def mount(folder: Path) -> None:
        folder.mkdir()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder], check=True
        )

    return mount


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (a_file, "File exists"),
        (mounted("ro"), "Read-only file system"),
        (mounted("size=16k"), "No space left on device"),
    ],
)
def test_one_that_takes_nothing(tmp_path: Path, make: Callable[[Path], None], cause: str) -> None:
    folder = tmp_path / "results"
    make(folder)
    try:
        with pytest.raises(StageError, match=cause) as refused:
            check_results_folder(folder)
    finally:
        if folder.is_mount():
            subprocess.run(["umount", folder], check=True)
    assert str(folder) in refused.value.cause and "option results" in refused.value.remedy
