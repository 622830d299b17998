"""What is read of a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from ingest.config import Transfer, load
from ingest.digests import ALGORITHMS
from ingest.import_transfers import NAMES
from ingest.manifest import read_manifest
from ingest.manifest_columns import COLUMNS as COLUMNS_OF_A_MANIFEST
from tests.unit.ingest.manifest.reading import Read, problems

MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def test_a_row_is_read_with_every_column(read: Read, folder: Path) -> None:
    row = {
        "fileset": "plate_07.b-1",
        "path": "set",
        "files": "2.tif; *.tif ;",
        "target": "Project:name:P/Dataset:name:D",
        "user": "anna",
        "group": "lab",
        "name": "Zellkörper",
        "description": "two\nlines, with a comma",
        "transfer": "ln",
        "import_transfer": "cp",
        "checksums": "sums.md5",
        "tags": "DAPI; GFP;;DAPI",
        "kv.organism": "mouse",
        "kv.Färbung": "",
        "checksum_algorithm": "sha1-160",
        "thumbnails": "no",
        "minmax": "TRUE",
        "pixel_size": "0.65x0.65x2",
        "annotations": "12; 15;",
        "comment": "sharp",
        "comment.lab/quality": "good\nenough",
        "exclude": "clientpath;filename",
    }
    [fileset] = read([row], transfer={"store": "store"}).rows
    assert fileset.to_json() == {
        "id": "plate_07.b-1",
        "row": 2,
        "path": f"{folder}/set",
        "files": ("2.tif", "*.tif"),
        "target": "Project:name:P/Dataset:name:D",
        "user": "anna",
        "group": "lab",
        "name": "Zellkörper",
        "description": "two\nlines, with a comma",
        "transfer": "ln",
        "import_transfer": "cp",
        "convert": "",
        "checksum": "",
        "checksums": f"{folder}/sums.md5",
        "tags": ("DAPI", "GFP"),
        "key_values": (("organism", "mouse"),),
        "checksum_algorithm": "SHA1-160",
        "thumbnails": False,
        "minmax": True,
        "pixel_size": (0.65, 0.65, 2.0),
        "annotations": (12, 15),
        "comments": (("", "sharp"), ("lab/quality", "good\nenough")),
        "exclude": ("clientpath", "filename"),
        "problem": None,
    }


def test_an_empty_cell_means_the_configured_default(read: Read) -> None:
    defaults = {
        "target": "Screen:name:S",
        "user": "u",
        "group": "g",
        "name": "n",
        "description": "d",
        "transfer": "cp",
        "import_transfer": "ln",
        "tags": ["t"],
    }
    own = {
        "target": "Dataset:id:1",
        "user": "anna",
        "group": "lab",
        "name": "N",
        "description": "D",
        "transfer": "none",
        "import_transfer": "upload",
        "tags": "x",
    }
    manifest = read(
        [{"fileset": "a", "path": "a.tif", **own}, {"fileset": "b", "path": "b.tif"}],
        defaults=defaults,
        transfer={"store": "store"},
    )
    explicit, defaulted = (
        {column: getattr(row, column) for column in defaults} for row in manifest.rows
    )
    assert explicit == {**own, "tags": ("x",)}
    assert defaulted == {**defaults, "tags": ("t",)}


@pytest.mark.parametrize(
    ("written", "absolute"),
    [
        ("a.tif", "{folder}/a.tif"),
        ("./set//1.tif", "{folder}/set/1.tif"),
        ("set/", "{folder}/set"),
        ("set/.", "{folder}/set"),
        ("setlink/1.tif", "{folder}/setlink/1.tif"),
        ("set/../b.tif", "{folder}/b.tif"),
        ("deeplink/../1.tif", "{folder}/set/1.tif"),
        ("{folder}/a.tif", "{folder}/a.tif"),
        ("//{folder}/a.tif", "{folder}/a.tif"),
        ("link.tif", "{folder}/link.tif"),
        ("Zelle 1.tif", "{folder}/Zelle 1.tif"),
    ],
)
def test_paths_become_absolute(read: Read, folder: Path, written: str, absolute: str) -> None:
    [row] = read([{"fileset": "f", "path": written.format(folder=folder)}]).rows
    assert row.path == absolute.format(folder=folder)


def test_paths_start_at_the_manifests_folder(folder: Path) -> None:
    (folder / "config").mkdir()
    (folder / "config" / "manifest.csv").write_text("fileset,path\nf,../set/1.tif\n")
    [row] = read_manifest(load({"manifest": "config/manifest.csv"}), folder).rows
    assert row.path == f"{folder}/set/1.tif"


@pytest.mark.parametrize(
    "content",
    [
        b"fileset,path\nf,a.tif\n",
        b"\xef\xbb\xbffileset,path\r\nf,a.tif\r\n",
        b'"fileset","path"\r"f","a.tif"',
        b" fileset , path \n f , a.tif ",
        b"fileset,path,,\nf,a.tif,,\n,,,\n",
        b"\n\nfileset,path\n\n   \nf,a.tif\n\n",
    ],
)
def test_dialects_that_mean_the_same_are_read(read: Read, content: bytes) -> None:
    [row] = read(content).rows
    assert (row.id, Path(row.path).name) == ("f", "a.tif")


def test_texts_stay_texts(read: Read) -> None:
    [row] = read("fileset,path,name,user,kv.n\n007,a.tif,NA,1.0,TRUE\n").rows
    assert (row.id, row.name, row.user) == ("007", "NA", "1.0")
    assert row.key_values == (("n", "TRUE"),)


def test_rows_are_counted_in_lines(read: Read) -> None:
    text = 'fileset,path,description\nf,a.tif,"one\ntwo\n\nfour"\n\ng,b.tif,\nh,gone.tif,\n'
    assert [problem.row for problem in problems(read, text)] == [8]
    manifest = read(text, invalid_rows="skip")
    assert [row.row for row in manifest.rows] == [2, 7, 8]


def test_checksums_are_written_the_one_way_the_stages_know(read: Read) -> None:
    [row] = read([{"fileset": "f", "path": "a.tif", "checksum": f"md5: {MD5.upper()}"}]).rows
    assert row.checksum == f"MD5-128:{MD5}"


def test_globs_may_meet_in_one_row(read: Read) -> None:
    [row] = read([{"fileset": "f", "path": "set/2.tif", "files": "2.tif;*.tif;**/*.tif"}]).rows
    assert row.files == ("2.tif", "*.tif", "**/*.tif")


def test_moved_filesets_are_not_missed(read: Read, folder: Path) -> None:
    rows = [{"fileset": "f", "path": "gone.tif", "transfer": "mv"}]
    options = {"transfer": {"store": "store"}}
    assert "does not exist" in problems(read, rows, **options)[0].cause
    (folder / "store" / "f").mkdir(parents=True)
    assert read(rows, **options).problems == []
    rows[0]["transfer"] = "cp"
    assert "does not exist" in problems(read, rows, **options)[0].cause


def test_the_reference_names_every_column_and_transfer() -> None:
    reference = (Path(__file__).parents[4] / "docs" / "manifest.md").read_text()
    names = [*COLUMNS_OF_A_MANIFEST, *get_args(Transfer), *NAMES, *ALGORITHMS]
    assert [name for name in names if f"`{name}`" not in reference] == []
