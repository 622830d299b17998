"""convert decides which files go on: a row's own list, or what Bio-Formats says."""

import io
import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import imageformats
from ingest.context import Context
from ingest.fileset import Fileset, Record, StageError
from ingest.named_files import FILE, named_files
from ingest.stages.convert import STAGE
from tests.fixtures.ome_tiff import write_ome_tiff

PLAN = Record("a", "plan", "notneeded")
READER = "loci.formats.in.OMETiffReader"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with t1, t2, t10 and a name of glob characters."""
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    for name in ("t1.tif", "t2.tif", "t10.tif", "[x].tif", "x.tif", "sub/s.tif"):
        (folder / name).write_text(name)
    return folder


def bioformats(monkeypatch: pytest.MonkeyPatch, *filesets: list[Path]) -> list[str]:
    """Lets Bio-Formats find these filesets; the paths it is asked for."""
    asked: list[str] = []

    def resolve(path: str, grouping: object) -> list[imageformats.FilesetFiles]:
        asked.append(path)
        return [
            imageformats.FilesetFiles(tuple(map(str, files)), READER, "OME-TIFF")
            for files in filesets
        ]

    monkeypatch.setattr(imageformats, "resolve", resolve)
    return asked


def plan_names(context: Context, *rows: Fileset) -> None:
    """What the plan leaves of the manifest's rows for convert."""
    path = context.results / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(named_files([row.to_json() for row in rows], {})))


def names(record: Record) -> list[str]:
    return [file.name for file in record.files]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("t*.tif",), ["t1.tif", "t2.tif", "t10.tif"]),
        (("t10.tif", "t*.tif"), ["t10.tif", "t1.tif", "t2.tif"]),
        (("[x].tif",), ["[x].tif"]),
        (("t1.tif", "sub/*.tif"), ["t1.tif", "sub/s.tif"]),
        (("sub/s.tif",), ["s.tif"]),
    ],
)
def test_the_rows_own_files(
    context: Context, folder: Path, files: tuple[str, ...], expected: list[str]
) -> None:
    record = STAGE.run(Fileset("a", 2, str(folder), files=files), PLAN, context)
    assert names(record) == expected
    assert (record.fileset, record.stage, record.status) == ("a", "convert", "notneeded")
    # What they hold is no image, so Bio-Formats cannot tell.
    assert record.facts == {"reader": "", "format": "", "is_plate": None}


def test_files_are_beside_a_path_that_is_a_file(context: Context, folder: Path) -> None:
    row = Fileset("a", 2, str(folder / "x.tif"), files=("x.tif", "t1.tif"))
    record = STAGE.run(row, PLAN, context)
    stat = (folder / "x.tif").stat()
    first = record.files[0]
    assert first.source == first.path == str(folder / "x.tif")
    assert (first.size, first.mtime_ns, first.inode) == (5, stat.st_mtime_ns, stat.st_ino)


def test_bioformats_is_asked_when_the_row_lists_no_files(
    context: Context, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = bioformats(monkeypatch, [folder / "t2.tif", folder / "sub" / "s.tif"])
    row = Fileset("a", 2, str(folder / "t2.tif"))
    plan_names(context, row)
    record = STAGE.run(row, PLAN, context)
    assert asked == [str(folder / "t2.tif")]
    assert names(record) == ["t2.tif", "sub/s.tif"]
    assert record.facts == {"reader": READER, "format": "OME-TIFF", "is_plate": False}


@pytest.mark.parametrize(
    "other",
    [
        ("t1.tif", ()),
        ("", ("x.tif", "t1*.tif")),
        ("x.tif", ("x.tif", "t1.tif")),
        ("sub", ()),
        ("link", ()),
    ],
)
def test_two_rows_that_name_files_of_one_fileset_are_refused(
    context: Context, folder: Path, monkeypatch: pytest.MonkeyPatch, other: tuple[str, Any]
) -> None:
    path, files = other
    (folder.parent / "link").symlink_to(folder / "sub", target_is_directory=True)
    if path == "link":
        path = "../link"
    bioformats(monkeypatch, [folder / "t2.tif", folder / "t1.tif", folder / "sub" / "s.tif"])
    row = Fileset("a", 2, str(folder / "t2.tif"))
    plan_names(context, row, Fileset("b", 3, str(folder / path), files=files))
    with pytest.raises(StageError, match="the row of fileset b names"):
        STAGE.run(row, PLAN, context)
    plan_names(context, row, Fileset("b", 3, str(folder), files=("x.tif", "t10.tif")))
    assert len(STAGE.run(row, PLAN, context).files) == 3


def test_a_copy_whose_metadata_names_the_original_is_no_other_word_for_it(
    context: Context, tmp_path: Path
) -> None:
    original = write_ome_tiff(tmp_path / "a.ome.tif")
    copy = tmp_path / "b.ome.tif"
    copy.write_bytes(original.read_bytes())
    link = tmp_path / "c.ome.tif"
    link.symlink_to(original)
    plan_names(context)
    for path in (copy, link):
        with pytest.raises(StageError) as error:
            STAGE.run(Fileset("b", 2, str(path)), PLAN, context)
        assert f"reads {original} when {path} is opened" in error.value.cause
        listed = STAGE.run(Fileset("b", 2, str(path), files=(path.name,)), PLAN, context)
        assert [file.path for file in listed.files] == [str(path)]


def test_a_listed_tiff_that_ends_too_early_is_refused_if_its_reader_agrees(
    context: Context, folder: Path
) -> None:
    whole = io.BytesIO()
    tifffile.imwrite(whole, np.zeros((64, 64), "uint16"), ome=True)
    row = Fileset("a", 2, str(folder), files=("a.ome.tif",))
    (folder / "a.ome.tif").write_bytes(whole.getvalue())
    assert names(STAGE.run(row, PLAN, context)) == ["a.ome.tif"]
    (folder / "a.ome.tif").write_bytes(whole.getvalue()[:-4000])
    with pytest.raises(StageError, match=r"a\.ome\.tif: it is truncated"):
        STAGE.run(row, PLAN, context)


def test_a_folder_of_several_filesets_is_refused_with_their_list(
    context: Context, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bioformats(monkeypatch, *([folder / f"t{number}.tif"] for number in range(12)))
    with pytest.raises(StageError, match="holds 12 filesets") as caught:
        STAGE.run(Fileset("a", 2, str(folder)), PLAN, context)
    assert f"{folder}/t0.tif, " in caught.value.cause
    assert caught.value.cause.endswith("and 2 more")
    assert "row of its own" in caught.value.remedy


def test_what_bioformats_cannot_read_is_refused_with_its_reason(
    context: Context, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, grouping: object) -> None:
        raise imageformats.UnreadableImage(path, "Invalid TIFF file")

    monkeypatch.setattr(imageformats, "resolve", refuse)
    with pytest.raises(StageError, match=r"x\.tif: Invalid TIFF file"):
        STAGE.run(Fileset("a", 2, str(folder / "x.tif")), PLAN, context)


def test_a_file_that_never_ends_fails_and_the_next_one_does_not(
    make_context: Callable[..., Context], tmp_path: Path
) -> None:
    context = make_context(convert={"read_limit": 10})
    # Of Bio-Formats' own reader for tests.
    endless, sound = tmp_path / "endless&sleepInitFile=3600000.fake", tmp_path / "sound.fake"
    endless.touch()
    sound.touch()
    with closing(context):
        with pytest.raises(StageError, match="had not opened it after 10 seconds") as caught:
            STAGE.run(Fileset("a", 2, str(endless)), PLAN, context)
        assert "convert.read_limit" in caught.value.remedy
        assert names(STAGE.run(Fileset("b", 3, str(sound)), PLAN, context)) == ["sound.fake"]


def test_a_converter_that_is_not_there_is_refused(context: Context, folder: Path) -> None:
    with pytest.raises(StageError, match="converter 'zarr'") as caught:
        STAGE.run(Fileset("a", 2, str(folder), files=("x.tif",), convert="zarr"), PLAN, context)
    assert "`converters`" in caught.value.remedy


def test_a_pattern_without_a_match_is_named(context: Context, folder: Path) -> None:
    with pytest.raises(StageError, match=r"matches 'u\*\.tif'"):
        STAGE.run(Fileset("a", 2, str(folder), files=("x.tif", "u*.tif")), PLAN, context)


@pytest.mark.parametrize("files", [(), ("gone.tif", "gone.tif")])
def test_a_vanished_file_is_named(context: Context, folder: Path, files: tuple[str, ...]) -> None:
    if files:
        (folder / "gone.tif").symlink_to(folder / "nowhere")
    with pytest.raises(StageError, match=r"gone\.tif does not exist") as caught:
        STAGE.run(Fileset("a", 2, str(folder / "gone.tif"), files=files), PLAN, context)
    assert "Put the file back" in caught.value.remedy


def test_a_file_that_may_not_be_read_is_named(
    context: Context, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # permissions do not bind root
    with pytest.raises(StageError, match=r"x\.tif may not be read") as caught:
        STAGE.run(Fileset("a", 2, str(folder), files=("x.tif",)), PLAN, context)
    assert "permission" in caught.value.remedy


def test_what_is_no_file_is_refused_without_opening_it(context: Context, folder: Path) -> None:
    os.mkfifo(folder / "pipe.tif")
    for row in (
        Fileset("a", 2, str(folder), files=("pipe.tif",)),
        Fileset("a", 2, str(folder / "pipe.tif")),
    ):
        with pytest.raises(StageError, match="not a regular file"):
            STAGE.run(row, PLAN, context)


def converted(row: Fileset, context: Context) -> Record:
    """The record as it is found again later."""
    record = STAGE.run(row, PLAN, context)
    return replace(record, started=datetime.now(UTC).isoformat())


def test_listed_files_hold_until_one_changes_or_another_one_matches(
    context: Context, folder: Path
) -> None:
    row = Fileset("a", 2, str(folder), files=("t*.tif",))
    earlier = converted(row, context)
    assert STAGE.still_holds(row, earlier, context)
    (folder / "other.tif").touch()
    assert STAGE.still_holds(row, earlier, context)
    (folder / "t3.tif").touch()
    assert not STAGE.still_holds(row, earlier, context)
    (folder / "t3.tif").unlink()
    (folder / "t2.tif").write_text("other")
    assert not STAGE.still_holds(row, earlier, context)


def test_found_files_hold_until_something_is_new_in_their_folders(
    context: Context, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Fileset("a", 2, str(folder))
    asked = bioformats(monkeypatch, [folder / "sub" / "s.tif"])
    earlier = converted(row, context)
    later = replace(earlier, started=(datetime.now(UTC) + timedelta(seconds=1)).isoformat())
    assert STAGE.still_holds(row, later, context)
    for changed in (folder, folder / "sub"):
        before = changed.stat().st_mtime_ns
        os.utime(changed, (2e9, 2e9))
        assert not STAGE.still_holds(row, later, context)
        os.utime(changed, ns=(before, before))
    assert len(asked) == 1


def test_files_that_a_later_stage_moved_still_hold(context: Context, folder: Path) -> None:
    row = Fileset("a", 2, str(folder), files=("t1.tif", "t2.tif"))
    earlier = converted(row, context)
    (folder / "t1.tif").unlink()
    assert not STAGE.still_holds(row, earlier, context)
    removes = [str(folder / "t1.tif"), str(folder / "t2.tif")]
    context.journal.append("a", "transfer", "intent", removes=removes)
    assert STAGE.still_holds(row, earlier, context)
    (folder / "t2.tif").write_text("other")
    assert not STAGE.still_holds(row, earlier, context)
