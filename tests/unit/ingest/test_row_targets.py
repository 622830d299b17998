"""Which target a row means: what its template makes of its folder, before and after a look at its
files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import imageformats
from ingest import prepared
from ingest.atomic import write_text
from ingest.context import Context
from ingest.fileset import Fileset, Record, SourceFile, StageError
from ingest.prepared import check_prepared, target_entry
from ingest.row_targets import early_row_target, row_target
from tests.fixtures.ome_tiff import write_ome_tiff, write_plate

TEMPLATE = "regex:name:.*/(?<Container1>[^/]+)"


def record(fileset: Fileset, *paths: Path, **facts: object) -> Record:
    files = tuple(SourceFile(str(path), str(path), path.name, 1, 1, 1) for path in paths)
    return Record(fileset.id, "convert", "notneeded", files=files, facts=facts)


def journal(context: Context, fileset: Fileset, made: Record) -> None:
    context.journal.append(fileset.id, "convert", "done", key="", record=made.to_json())


def test_a_file_is_matched_by_its_folder_and_a_folder_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "liver" / "a.png"
    file.parent.mkdir()
    file.touch()
    row = Fileset("a", 2, str(file), target=TEMPLATE)
    assert row_target(row, [], False) == "Dataset:name:liver"
    folder = Fileset("a", 2, str(file.parent), target=TEMPLATE)
    assert row_target(folder, [str(file)], False) == "Dataset:name:liver"


@pytest.mark.parametrize("named", ["file", "folder"])
def test_what_was_moved_away_is_matched_as_before(
    tmp_path: Path, context: Context, named: str
) -> None:
    file = tmp_path / "liver" / "a.png"
    row = Fileset("a", 2, str(file if named == "file" else file.parent), target=TEMPLATE)
    journal(context, row, record(row, file, is_plate=True))
    assert early_row_target(row, context) == "Screen:name:liver"


def test_what_a_row_named_before_says_nothing(tmp_path: Path, context: Context) -> None:
    row = Fileset("a", 2, str(tmp_path / "new" / "a.png"), target=TEMPLATE)
    journal(context, row, record(row, tmp_path / "old" / "a.png", is_plate=True))
    assert early_row_target(row, context) == "Dataset:name:new"


def test_bio_formats_is_asked_only_when_it_must_be(
    tmp_path: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    plate = write_plate(tmp_path / "plate")[0]
    rows = [Fileset("p", 2, str(plate), target=TEMPLATE)]
    rows.append(Fileset("q", 2, str(plate.parent), files=(plate.name,), target=TEMPLATE))
    assert {early_row_target(row, context) for row in rows} == {"Screen:name:plate"}
    monkeypatch.setattr(imageformats, "resolve", lambda *_: 1 / 0)
    (tmp_path / "cells").mkdir()
    cells = write_ome_tiff(tmp_path / "cells" / "c.ome.tif")
    for row in (
        Fileset("c", 2, str(cells), target=TEMPLATE),
        Fileset("d", 2, str(tmp_path / "cells" / "x.png"), target=TEMPLATE),
        Fileset("e", 2, str(tmp_path / "cells" / "x.tif"), convert="any", target=TEMPLATE),
    ):
        assert early_row_target(row, context) == "Dataset:name:cells"


def test_a_name_that_is_too_long_is_no_target(tmp_path: Path) -> None:
    long = Fileset("a", 2, "/x/" + "y" * 200 + "/" + "z" * 200 + "/a.png")
    row = Fileset("a", 2, long.path, target="regex:name:/x/(?<Container1>.*)")
    with pytest.raises(StageError, match="characters"):
        row_target(row, [long.path], False)


def prepare(context: Context, *targets: dict[str, object]) -> None:
    place = {"user": "", "group": ""}
    table = {"accounts": [place], "targets": [{**place, **target} for target in targets]}
    write_text(context.results / prepared.FILE, json.dumps(table))


@pytest.mark.parametrize(
    ("target", "is_plate", "cause"),
    [
        ("Screen:name:S", False, "is not a plate"),
        ("Screen:@name:S", False, "is not a plate"),
        ("Dataset:name:D", True, "is a plate"),
        ("Project:name:P/Dataset:@name:D", True, "is a plate"),
    ],
)
def test_what_a_container_does_not_take_is_refused(
    context: Context, target: str, is_plate: bool, cause: str
) -> None:
    prepare(context, {"target": target, "id": 1, "type": target.split(":")[0], "name": "x"})
    row = Fileset("a", 2, "/data/a", target=target)
    with pytest.raises(StageError, match=cause):
        check_prepared(row, record(row, is_plate=is_plate), context)
    check_prepared(row, record(row, is_plate=not is_plate), context)
    check_prepared(row, record(row, is_plate=None), context)


def test_a_template_that_was_resolved_for_something_else_is_resolved_again(
    context: Context, tmp_path: Path
) -> None:
    row = Fileset("a", 2, str(tmp_path / "data" / "a"), target=TEMPLATE)
    prepare(context, {"target": "Dataset:name:data", "id": 1, "type": "Dataset", "name": "data"})
    file = record(row, tmp_path / "data" / "a", is_plate=False)
    assert target_entry(row, file, context)["id"] == 1
    plate = record(row, tmp_path / "data" / "a", is_plate=True)
    with pytest.raises(StageError, match="Screen:name:data was not prepared"):
        target_entry(row, plate, context)
    assert (context.results / ".failures" / "targets" / "targets").exists()
