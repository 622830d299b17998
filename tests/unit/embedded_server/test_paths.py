"""Where a fileset's files land in the repository."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from omero_embedded.repository import client_paths
from omero_embedded.repository.client_paths import trimmed
from omero_embedded.repository.template import new_folder, safe_component

NOON = datetime.datetime(2026, 3, 4, 12, 5, 6, 789_000)


def test_the_template_names_user_and_time(tmp_path: Path) -> None:
    folder = new_folder(tmp_path, "ada", 2, NOON)
    assert (folder.shared, folder.own) == ("ada_2", "2026-03/04/12-05-06.789")
    assert (tmp_path / folder.path).is_dir()


def test_a_clash_takes_the_next_millisecond(tmp_path: Path) -> None:
    first = new_folder(tmp_path, "ada", 2, NOON)
    (tmp_path / f"{first.shared}/2026-03/04/12-05-06.790.log").touch()
    assert new_folder(tmp_path, "ada", 2, NOON).own.endswith("12-05-06.791")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("plain.tif", "plain.tif"),
        ("Zellen für OMERO.tif", "Zellen für OMERO.tif"),
        ('a"*/:<>?\\|b', "a'x!;[]%!!b"),
        ("tab\tbell\x07\x7f", "tab_bell__"),
        ("nul", "nul_"),
        ("COM1.txt", "_COM1.txt"),
        ("$recycle", "_$recycle"),
        ("console.log", "console.log"),
    ],
)
def test_components_are_safe_everywhere(name: str, safe: str) -> None:
    assert safe_component(name) == safe


def test_three_folders_are_kept_without_a_readers_word() -> None:
    paths = ["data/lab/2026/run/a/1.tif", "data/lab/2026/run/a/b/2.tif"]
    assert trimmed(paths, "") == ["2026/run/a/1.tif", "2026/run/a/b/2.tif"]
    assert trimmed(["a.tif"], "") == ["a.tif"]


@pytest.mark.parametrize(
    ("required", "kept"),
    [(0, ["1.tif", "b/2.tif"]), (1, ["a/1.tif", "a/b/2.tif"]), (9, ["x/a/1.tif", "x/a/b/2.tif"])],
)
def test_the_reader_says_how_many_folders_it_needs(
    required: int, kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        client_paths.imageformats, "required_directories", lambda files, reader: required
    )
    assert trimmed(["x/a/1.tif", "x/a/b/2.tif"], "loci.formats.in.TiffReader") == kept
