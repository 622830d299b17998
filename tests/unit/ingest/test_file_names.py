"""What the names and globs of a row's `files` mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.file_names import Folders, entry_problem, matches

FILES = [
    "a.tif",
    "b.tif",
    "img1.tif",
    "img10.tif",
    "img2.tif",
    "odd[1].tif",
    "odd1.tif",
    ".hidden.tif",
    "notes.txt",
    "raw/c.tif",
    "raw/deep/d.tif",
    "raw/.cache/e.tif",
]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        ("b.tif", ["b.tif"]),
        ("./raw/c.tif", ["raw/c.tif"]),
        ("?.tif", ["a.tif", "b.tif"]),
        ("img*", ["img1.tif", "img2.tif", "img10.tif"]),
        ("img[0-9].tif", ["img1.tif", "img2.tif"]),
        ("odd[1].tif", ["odd[1].tif"]),
        ("odd[1]*.tif", ["odd1.tif"]),
        ("raw/*.tif", ["raw/c.tif"]),
        ("r*/*.tif", ["raw/c.tif"]),
        ("raw/**/*.tif", ["raw/c.tif", "raw/deep/d.tif"]),
        ("raw/**", ["raw/c.tif", "raw/deep/d.tif"]),
        (".hid*", [".hidden.tif"]),
        ("missing.tif", []),
        ("x*", []),
        ("absent/*.tif", []),
        ("A.TIF", []),
        ("A*", []),
    ],
)
def test_entries_mean_files(folder: str, entry: str, names: list[str]) -> None:
    assert matches(folder, entry, Folders()) == names


def test_a_star_matches_neither_folders_nor_hidden_files(folder: str) -> None:
    here = {name for name in FILES if "/" not in name and not name.startswith(".")}
    assert set(matches(folder, "*", Folders())) == here


def test_a_link_back_up_is_not_followed_for_ever(folder: str) -> None:
    (Path(folder) / "raw" / "up").symlink_to(folder)
    assert matches(folder, "**/d.tif", Folders()) == ["raw/deep/d.tif"]


@pytest.mark.parametrize("entry", ["../a.tif", "raw/../../a.tif", "/etc/passwd"])
def test_entries_that_leave_the_folder_are_named(entry: str) -> None:
    problem = entry_problem(entry)
    assert problem is not None
    assert repr(entry) in problem.cause


@pytest.mark.parametrize("entry", ["a..b.tif", "...", "x/..y"])
def test_dots_in_names_are_no_way_out(entry: str) -> None:
    assert entry_problem(entry) is None
