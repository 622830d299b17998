"""How the files of a row are shown to a container."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.conversion.originals import mounts, original_paths
from ingest.fileset import Fileset, SourceFile, StageError


def source(path: Path) -> SourceFile:
    return SourceFile(str(path), str(path), path.name, 1, 0, 0)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.raw").write_text("x")
    return folder


def test_a_folder_is_shown_whole_with_links_that_lead_through_it(raw: Path, tmp_path: Path) -> None:
    (raw / "sub/b.raw").symlink_to("../c.raw")
    (raw / "c.raw").symlink_to("a.raw")
    (tmp_path / "by_link").symlink_to(raw)
    for folder in (raw, tmp_path / "by_link"):
        files = [source(folder / name) for name in ("a.raw", "sub/b.raw", "c.raw")]
        assert mounts(files, str(folder), tmp_path) == ([(str(raw), "/data", False)], str(folder))


@pytest.mark.parametrize("target", ["{raw}/a.raw", "../raw/a.raw", "{raw}/../elsewhere"])
def test_a_link_that_leads_nowhere_inside_is_put_in_its_place(
    target: str, raw: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").write_text("x")
    (raw / "b.raw").symlink_to(target.format(raw=raw))
    (raw / "c.raw").symlink_to("b.raw")
    files = [source(raw / name) for name in ("a.raw", "c.raw")]
    made, folder = mounts(files, str(raw / "a.raw"), tmp_path / "scratch")
    assert folder == str(raw)
    assert made == [
        (str(tmp_path / "scratch/inputs"), "/data", False),
        (str(raw / "a.raw"), "/data/a.raw", False),
        (os.path.realpath(raw / "c.raw"), "/data/c.raw", False),
    ]


def test_a_folder_that_may_not_be_read_is_not_passed_over(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "sub":
            raise PermissionError(13, os.strerror(13), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(StageError, match="sub may not be read"):
        original_paths(Fileset("a", 2, str(raw), convert="c"))
