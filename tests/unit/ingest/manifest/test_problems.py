"""How each thing that can be wrong with a manifest is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest import forked
from ingest.config import load
from ingest.manifest import ManifestError, read_manifest
from tests.unit.ingest.manifest.reading import Read, problems

MD5 = "d41d8cd98f00b204e9800998ecf8427e"


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
        (b"fileset,path,kv.\x07\nf,a.tif,x\n", 1, "kv.\x07", "control characters", "Retype"),
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
    ("path", {"path": "broken.tif"}, "is a symbolic link to", "Fix the link"),
    ("path", {"path": "empty"}, "there is no file in the folder", "Name the folder that holds"),
    ("path", {"path": "pipe"}, "but a named pipe", "Name a file or folder"),
    ("path", {"path": "pipe", "files": "a.tif"}, "but a named pipe", "Name a file or folder"),
    ("path", {"path": "socket"}, "but a socket", "Name a file or folder"),
    ("path", {"path": "/dev/null"}, "but a device", "Name a file or folder"),
    ("path", {"path": "a\0.tif"}, "control characters", "Retype the text"),
    ("path", {"path": "a\n.tif"}, "or a line break", "Retype the text"),
    ("files", {"path": "set", "files": "x.tif"}, "'x.tif' matches no file in", "bring the"),
    ("files", {"path": "set", "files": "x*"}, "'x*' matches no file in", "Correct the name"),
    ("files", {"path": "set", "files": "deep"}, "is a folder, where a file", "like deep/*"),
    ("files", {"path": "set", "files": "../a.tif"}, "leads out of the folder", "holds all"),
    ("files", {"path": "set", "files": "/a.tif"}, "is an absolute path", "relative to"),
    ("files", {"path": ".", "files": "pipe"}, "but a named pipe", "Name a file"),
    ("files", {"path": ".", "files": "broken.tif"}, "is a symbolic link to", "Fix the link"),
    ("files", {"path": "set/1.tif", "files": "2.tif"}, "is not among the files", "Add it"),
    ("files", {"path": "set", "files": "a\0"}, "control characters", "Retype the text"),
    ("target", {"target": "Datset:name:D"}, "'Datset:name:D' is not valid", "Targets"),
    ("target", {"target": "Dataset:nam:D"}, "unknown discriminator 'nam'", "Targets"),
    ("target", {"target": "Dataset:D"}, "'D' is not an id", "Targets"),
    ("target", {"target": "Screen:name:"}, "empty name", "Targets"),
    ("target", {"target": "Project:name:P"}, "holds no images itself", "Targets"),
    ("target", {"target": "regex:.*"}, "no group named Container1", "(?<Container1>...)"),
    ("target", {"target": "Screen:name:" + "S" * 256}, "has 256 characters", "at most 255"),
    ("name", {"name": "n" * 256}, "the name has 256 characters", "at most 255"),
    ("name", {"name": "a\tb"}, "control characters", "Retype the text"),
    ("description", {"description": "a\x00b"}, "control characters", "Retype the text"),
    ("kv.k", {"kv.k": "a\x1bb"}, "control characters", "Retype the text"),
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
    ("checksum", {"checksum": "md5:12"}, "is not a valid MD5-128 digest", "32 hexadecimal digits"),
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
@pytest.mark.parametrize("rows_of_a_process", [1, forked.LEAST])
def test_rows_in_each_others_way_are_named(
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[tuple[str, ...]],
    column: str,
    cause: str,
    rows_of_a_process: int,
) -> None:
    monkeypatch.setattr(forked, "LEAST", rows_of_a_process)
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
        assert "is outside the allowed folders" in problem.cause
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
