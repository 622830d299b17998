"""The manifest: what is read, and how each thing that can be wrong is said."""

from __future__ import annotations

import csv
import io
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.config import Transfer, load
from ingest.digests import ALGORITHMS
from ingest.import_transfers import NAMES
from ingest.manifest import Manifest, ManifestError, RowProblem, read_manifest
from ingest.manifest_table import COLUMNS as COLUMNS_OF_A_MANIFEST

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
Read = Callable[..., Manifest]


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


def as_csv(rows: Sequence[dict[str, str]]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def problems(read: Read, content: Any, **options: Any) -> list[RowProblem]:
    with pytest.raises(ManifestError) as refused:
        read(content, **options)
    return refused.value.problems


# Reading


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


# Problems of the file as a whole


@pytest.mark.parametrize(
    ("content", "row", "column", "cause", "remedy"),
    [
        (b"", 0, "", "the manifest is empty", "Write a header"),
        (b"\n ,\n", 0, "", "the manifest is empty", "Write a header"),
        (b"fileset,path\n", 0, "", "has no rows", "Write one row per fileset"),
        (b"fileset\nf\n", 1, "path", "this column is missing", "Add it to the header"),
        (b"fileset;path\nf;a.tif\n", 1, "", "separated by semicolons", "separated by commas"),
        (b"fileset\tpath\nf\ta.tif\n", 1, "", "separated by tabs", "separated by commas"),
        ("fileset,path\nf,ä.tif\n".encode("latin-1"), 2, "", "0xe4 would be 'ä' in Latin-1", "UTF"),
        ("fileset,path\nf,a.tif\n".encode("utf-16"), 0, "", "is in UTF-16", 'as "CSV UTF-8"'),
        ("fileset,path\nf,a.tif\n".encode("utf-16-le"), 0, "", "is in UTF-16", "CSV UTF-8"),
        (b'fileset,path\nf,a.tif\ng,"b.tif\n', 3, "", "cannot be read", "Check its quotes"),
        (b'fileset,path\nf,"a"b.tif\n', 2, "", "cannot be read", "Check its quotes"),
        (b"fileset,path,path\nf,a.tif,b.tif\n", 1, "path", "2 columns of this name", "Keep one"),
        (b"fileset,path,\nf,a.tif,x\n", 1, "", "the header's cell 3 is empty", "Name the column"),
        (b"fileset,path,kv.\nf,a.tif,x\n", 1, "kv.", "name is not complete", "kv.organism"),
        (b"fileset,path,KV.x\nf,a.tif,x\n", 1, "KV.x", "no such column", "Did you mean kv.x?"),
        (b"fileset,path,tag\nf,a.tif,x\n", 1, "tag", "no such column", "Did you mean tags?"),
        (b"fileset,path,Target\nf,a.tif,\n", 1, "Target", "no such column", "mean target?"),
        (b"fileset,path,organism\nf,a.tif,x\n", 1, "organism", "no such", "Name it kv.organism"),
        (b"fileset,path,kv.\x07\nf,a.tif,x\n", 1, "kv.\x07", "control characters", "anew"),
    ],
)
def test_what_no_row_can_be_read_around_is_always_refused(
    read: Read, content: bytes, row: int, column: str, cause: str, remedy: str
) -> None:
    for invalid_rows in ("refuse", "skip"):
        [problem] = problems(read, content, invalid_rows=invalid_rows)
        assert (problem.row, problem.column) == (row, column)
        assert cause in problem.cause
        assert remedy in problem.remedy


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"m\.csv has 1 problem.*\n.*no such file.*option"):
        read_manifest(load({"manifest": "m.csv"}), tmp_path)
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(load({"manifest": "."}), tmp_path)


# Problems of rows


ROW_PROBLEMS = [
    # column, cells, cause, remedy
    ("fileset", {"fileset": ""}, "the cell is empty", "Write a unique id"),
    ("fileset", {"fileset": "a b"}, "'a b' cannot be used as an id", "letters, digits"),
    ("fileset", {"fileset": "ä"}, "'ä' cannot be used", "Write a unique id"),
    ("fileset", {"fileset": ".."}, "'..' cannot be used", "starts with a letter"),
    ("fileset", {"fileset": "-f"}, "'-f' cannot be used", "starts with a letter"),
    ("fileset", {"fileset": "a/b"}, "'a/b' cannot be used", "Write a unique id"),
    ("fileset", {"fileset": "f" * 101}, "cannot be used", "at most 100"),
    ("path", {"path": ""}, "the cell is empty", "Name the fileset's file"),
    ("path", {"path": "gone.tif"}, "gone.tif' does not exist", "Correct the path"),
    ("path", {"path": "a.tif/x"}, "a.tif/x' does not exist", "Correct the path"),
    ("path", {"path": "C:\\a.tif"}, "does not exist", "Write / instead of \\"),
    ("path", {"path": "n" * 300}, "File name too long", "Correct the path"),
    ("path", {"path": "broken.tif"}, "is a symbolic link to", "Mend the link"),
    ("path", {"path": "empty"}, "there is no file in the folder", "Name the folder that holds"),
    ("path", {"path": "pipe"}, "but a named pipe", "Name a file or folder"),
    ("path", {"path": "pipe", "files": "a.tif"}, "but a named pipe", "Name a file or folder"),
    ("path", {"path": "socket"}, "but a socket", "Name a file or folder"),
    ("path", {"path": "/dev/null"}, "but a device", "Name a file or folder"),
    ("path", {"path": "a\0.tif"}, "control characters", "Type the text anew"),
    ("path", {"path": "a\n.tif"}, "or a line break", "Type the text anew"),
    ("files", {"path": "set", "files": "x.tif"}, "'x.tif' matches no file in", "bring the"),
    ("files", {"path": "set", "files": "x*"}, "'x*' matches no file in", "Correct the name"),
    ("files", {"path": "set", "files": "deep"}, "is a folder, where a file", "like deep/*"),
    ("files", {"path": "set", "files": "../a.tif"}, "leads out of the folder", "holds all"),
    ("files", {"path": "set", "files": "/a.tif"}, "is an absolute path", "relative to"),
    ("files", {"path": ".", "files": "pipe"}, "but a named pipe", "Name a file"),
    ("files", {"path": ".", "files": "broken.tif"}, "is a symbolic link to", "Mend the link"),
    ("files", {"path": "set/1.tif", "files": "2.tif"}, "is not among the files", "Add it"),
    ("files", {"path": "set", "files": "a\0"}, "control characters", "Type the text anew"),
    ("target", {"target": "Datset:name:D"}, "'Datset:name:D' is not valid", "Targets"),
    ("target", {"target": "Dataset:nam:D"}, "unknown discriminator 'nam'", "Targets"),
    ("target", {"target": "Dataset:D"}, "'D' is no id", "Targets"),
    ("target", {"target": "Screen:name:"}, "empty name", "Targets"),
    ("target", {"target": "Project:name:P"}, "holds no images itself", "Targets"),
    ("target", {"target": "regex:.*"}, "no group named Container1", "(?<Container1>...)"),
    ("target", {"target": "Screen:name:" + "S" * 256}, "has 256 characters", "at most 255"),
    ("name", {"name": "n" * 256}, "the name has 256 characters", "at most 255"),
    ("name", {"name": "a\tb"}, "control characters", "Type the text anew"),
    ("description", {"description": "a\x00b"}, "control characters", "Type the text anew"),
    ("kv.k", {"kv.k": "a\x1bb"}, "control characters", "Type the text anew"),
    ("transfer", {"transfer": "move"}, "'move' is not a transfer", "none, ln, cp, ln_s, mv"),
    ("transfer", {"transfer": "cp"}, "no", "Set the option transfer.store"),
    ("import_transfer", {"import_transfer": "mv"}, "'mv' is not", "upload_rm, or module:function"),
    (
        "import_transfer",
        {"import_transfer": "a:b:c"},
        "names no Python function",
        "module:function",
    ),
    (
        "import_transfer",
        {"import_transfer": "absent_module:f"},
        "ModuleNotFound",
        "transfer_folder",
    ),
    ("convert", {"convert": "ngff"}, "no converter is configured", "Leave the cell empty"),
    ("checksum", {"checksum": MD5}, "is not algorithm:hex", "The algorithms are"),
    ("checksum", {"checksum": "md5:12"}, "is no MD5-128 digest", "32 hexadecimal digits"),
    ("checksum", {"path": "set", "checksum": f"md5:{MD5}"}, "several files", "checksums file"),
    (
        "checksum",
        {"path": "set", "files": "*.tif", "checksum": f"md5:{MD5}"},
        "several files",
        "checksums file",
    ),
    (
        "checksum",
        {"checksum": f"md5:{MD5}", "checksums": "sums.md5"},
        "both a checksum and a checksums file",
        "Leave one",
    ),
    ("checksums", {"checksums": "gone.md5"}, "gone.md5' does not exist", "Correct the path"),
    ("checksums", {"checksums": "set"}, "is a folder, where a file is meant", "Name the files"),
]


@pytest.mark.parametrize(("column", "cells", "cause", "remedy"), ROW_PROBLEMS)
def test_a_wrong_row_is_named_with_its_remedy(
    read: Read, column: str, cells: dict[str, str], cause: str, remedy: str
) -> None:
    rows = [
        {"fileset": "good", "path": "b.tif"},
        {"fileset": "bad", "path": "a.tif", **cells},
    ]
    [problem] = problems(read, rows)
    assert (problem.row, problem.column) == (3, column)
    assert problem.fileset == ("" if column == "fileset" else "bad")
    assert cause in problem.cause
    assert remedy in problem.remedy

    good, bad = read(rows, invalid_rows="skip").rows
    assert good.problem is None
    assert bad.problem is not None
    assert problem.cause in bad.problem.cause
    assert bad.problem.remedy == problem.remedy
    assert bad.id == ("row-3" if column == "fileset" else "bad")


@pytest.mark.parametrize(
    ("path", "files", "cause"),
    [("a.tif", "", "file"), ("set", "", "folder"), (".", "a.tif", "file")],
)
def test_what_may_not_be_read_is_named(
    read: Read, monkeypatch: pytest.MonkeyPatch, path: str, files: str, cause: str
) -> None:
    access = os.access

    def denied(where: str, mode: int) -> bool:  # the tests may run as root, who may do anything
        return not where.endswith(("a.tif", "set")) and access(where, mode)

    monkeypatch.setattr(os, "access", denied)
    [problem] = problems(read, [{"fileset": "f", "path": path, "files": files}])
    assert f"you may not read the {cause}" in problem.cause


def test_files_may_be_named_in_a_folder_that_may_not_be_listed(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(where: str) -> os.stat_result:
        raise PermissionError(13, "Permission denied", where)

    monkeypatch.setattr(os, "scandir", denied)
    monkeypatch.setattr(os, "access", lambda where, _mode: where.endswith(".tif"))
    assert not read([{"fileset": "f", "path": "set", "files": "1.tif;2.tif"}]).problems
    [problem] = problems(read, [{"fileset": "f", "path": "set", "files": "*.tif"}])
    assert problem.column == "files"
    assert "cannot be looked at: permission denied" in problem.cause


def test_a_folder_that_may_not_be_entered_is_named(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(where: str) -> os.stat_result:
        raise PermissionError(13, "Permission denied", where)

    monkeypatch.setattr(os, "lstat", denied)
    [problem] = problems(read, [{"fileset": "f", "path": "a.tif"}])
    assert "permission denied" in problem.cause
    assert "permission to enter its folders" in problem.remedy


# Problems between rows


@pytest.mark.parametrize(
    ("rows", "column", "cause"),
    [
        ([("f", "a.tif"), ("f", "b.tif")], "fileset", "row 2 has the same id"),
        ([("f", "a.tif"), ("F", "b.tif")], "fileset", "row 2 has the id f, which differs only"),
        ([("f", "a.tif"), ("g", "a.tif")], "path", "is claimed by row 2 (fileset f) too"),
        ([("f", "a.tif"), ("g", "link.tif")], "path", "is claimed by row 2 (fileset f) too"),
        ([("f", "set"), ("g", "setlink")], "path", "is claimed by row 2 (fileset f) too"),
        ([("f", "set"), ("g", "setlink/1.tif")], "path", "lies in the folder that row 2"),
        ([("f", "set"), ("g", "set/deep")], "path", "lies in the folder that row 2 (fileset f)"),
        ([("f", "set/deep/3.tif"), ("g", "set")], "path", "the folder holds"),
        ([("f", "set", "1.tif"), ("g", "set/1.tif")], "path", "is claimed by row 2"),
        ([("f", "set", "1.tif"), ("g", "set", "*.tif")], "files", "is claimed by row 2"),
        ([("f", "set", "1.tif"), ("g", "set")], "path", "the folder holds"),
    ],
)
def test_rows_in_each_others_way_are_named(
    read: Read, rows: list[tuple[str, ...]], column: str, cause: str
) -> None:
    columns = ("fileset", "path", "files")
    cells = [dict(zip(columns, row, strict=False)) for row in rows]
    [problem] = problems(read, cells)
    assert (problem.row, problem.column) == (3, column)
    assert cause in problem.cause
    first, second = read(cells, invalid_rows="skip").rows
    assert first.problem is None
    assert second.problem is not None
    assert second.id == ("row-3" if column == "fileset" else "g")


def test_neighbours_are_not_in_each_others_way(read: Read, folder: Path) -> None:
    (folder / "set2").mkdir()
    (folder / "set2" / "1.tif").touch()
    rows = [("f", "set", "*.tif"), ("g", "set/deep", ""), ("h", "set2", ""), ("i", "a.tif", "")]
    columns = ("fileset", "path", "files")
    assert not read([dict(zip(columns, row, strict=True)) for row in rows]).problems


@pytest.mark.parametrize(
    ("path", "files", "allowed"),
    [
        ("set/1.tif", "", True),
        ("set", "", True),
        ("setlink/2.tif", "", True),
        ("set", "deep/*", True),
        ("a.tif", "", False),
        ("settings/x.tif", "", False),
        ("set/out.tif", "", False),
        ("set", "out.tif", False),
        ("set/../a.tif", "", False),
        (".", "", False),
        ("/no/such/file", "", False),
    ],
)
def test_paths_outside_the_allowed_roots_are_refused(
    read: Read, folder: Path, path: str, files: str, allowed: bool
) -> None:
    (folder / "settings").mkdir()
    (folder / "settings" / "x.tif").touch()
    (folder / "set" / "out.tif").symlink_to("../a.tif")
    rows = [{"fileset": "f", "path": path, "files": files}]
    if allowed:
        assert read(rows, allowed_roots=["set"]).problems == []
    else:
        [problem] = problems(read, rows, allowed_roots=["set"])
        assert "lies outside the folders that are allowed" in problem.cause
        assert f"{folder}/set" in problem.remedy
        assert "allowed_roots" in problem.remedy


# All of them at once


def test_every_problem_of_every_row_is_in_one_error_by_row(read: Read) -> None:
    rows = [
        {"fileset": "f", "path": "gone.tif", "target": "D", "tag": ""},
        {"fileset": "g", "path": "a.tif", "convert": "x", "checksums": "gone.md5"},
        {"fileset": "g", "path": "a.tif"},
    ]
    with pytest.raises(ManifestError) as refused:
        read(rows)
    found = {(problem.row, problem.column) for problem in refused.value.problems}
    assert found == {
        (1, "tag"),
        (2, "path"),
        (2, "target"),
        (3, "convert"),
        (3, "checksums"),
        (4, "fileset"),
        (4, "path"),
    }
    lines = str(refused.value).splitlines()
    assert "has 7 problems; nothing was touched." in lines[0]
    assert [line.split()[1].rstrip(",:") for line in lines[1:]] == list("1223344")
    assert "row 2, column path, fileset f: " in str(refused.value)


def test_a_long_list_is_cut_and_counted(read: Read) -> None:
    rows = [{"fileset": f"f{number}", "path": "gone.tif"} for number in range(70)]
    with pytest.raises(ManifestError) as refused:
        read(rows)
    assert len(refused.value.problems) == 70
    assert str(refused.value).splitlines()[-1] == "  and 20 more."


def test_ragged_rows_are_named_and_skipped(read: Read) -> None:
    text = "fileset,path,name\nf,a.tif,x\ng,b.tif\nh,b.tif,one, two\n"
    assert [(p.row, p.fileset, p.cause) for p in problems(read, text)] == [
        (3, "g", "the row has 2 cells, the header has 3"),
        (4, "h", "the row has 4 cells, the header has 3"),
    ]
    manifest = read(text, invalid_rows="skip")
    assert [(row.id, row.problem is None) for row in manifest.rows] == [
        ("f", True),
        ("g", False),
        ("h", False),
    ]


def test_rows_without_a_usable_id_get_one_of_their_own(read: Read) -> None:
    text = "fileset,path\nrow-3,a.tif\n,b.tif\nROW-3,b.tif\n!\n"
    rows = read(text, invalid_rows="skip").rows
    assert [row.id for row in rows] == ["row-3", "row-3-2", "row-4", "row-5"]


def test_all_problems_of_a_skipped_row_are_kept(read: Read) -> None:
    rows = [{"fileset": "f", "path": "gone.tif", "target": "D"}]
    [row] = read(rows, invalid_rows="skip").rows
    assert row.problem is not None
    assert "target: target 'D'" in row.problem.cause
    assert "; path: " in row.problem.cause


# Any cells at all


CELLS = st.one_of(
    st.sampled_from(["", "a.tif", "set", "f", "F", "..", "Dataset:name:D", "*", "ln_s", ";", '"']),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
COLUMNS = st.lists(
    st.one_of(
        st.sampled_from(["files", "target", "name", "transfer", "checksum", "tags", "kv.k"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    ),
    max_size=3,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(extra=COLUMNS, rows=st.lists(st.lists(CELLS, max_size=6), max_size=5), skip=st.booleans())
def test_any_cells_become_rows_or_problems(
    read: Read, extra: list[str], rows: list[list[str]], skip: bool
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["fileset", "path", *extra], *rows])
    meant = [row for row in rows if any(cell.strip() for cell in row)]
    try:
        manifest = read(text.getvalue(), invalid_rows="skip" if skip else "refuse")
    except ManifestError as error:
        assert error.problems
        assert all(problem.cause and problem.remedy for problem in error.problems)
        return
    assert len(manifest.rows) == len(meant)
    assert len({row.id.lower() for row in manifest.rows}) == len(meant)
    flagged = {row.row for row in manifest.rows if row.problem}
    assert flagged == {problem.row for problem in manifest.problems}
    assert skip or not flagged
    for row, cells in zip(manifest.rows, meant, strict=True):
        if not row.problem:
            assert row.id == cells[0].strip()
            assert Path(row.path).exists()


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=60))
def test_any_bytes_are_refused_in_words(read: Read, content: bytes) -> None:
    for start in (b"", b"fileset,path\n"):
        with pytest.raises(ManifestError) as refused:
            read(start + content + b"\nf,gone.tif")
        assert all(problem.cause and problem.remedy for problem in refused.value.problems)


def test_the_reference_names_every_column_and_transfer() -> None:
    reference = (Path(__file__).parents[3] / "docs" / "manifest.md").read_text()
    names = [*COLUMNS_OF_A_MANIFEST, *get_args(Transfer), *NAMES, *ALGORITHMS]
    assert [name for name in names if f"`{name}`" not in reference] == []
