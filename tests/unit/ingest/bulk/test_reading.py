"""Bulk files as facilities have them, read as rows of a manifest."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ingest.bulk.files import files_of
from ingest.bulk.table import bulk_rows, job_options
from ingest.manifest_problems import ManifestError


def rows_of(path: Path) -> list[dict[str, str]]:
    (_, header), *rows = bulk_rows(path).rows
    return [dict(zip(header, cells, strict=True)) for _, cells in rows]


def write(folder: Path, **files: str) -> Path:
    """The files, by name with __ for / and _DOT_ for a dot; the folder."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_screen_as_idr_describes_it(tmp_path: Path) -> None:
    study = write(
        tmp_path,
        bulk_DOT_yml='continue: "true"\ntransfer: "ln_s"\nexclude: "clientpath"\nskip: "all"\n'
        'logprefix: "logs/"\nparallel_upload: "10"\ncolumns:\n    - name\n    - path\npath: no.tsv',
        screenA__bulk_DOT_yml='target: "Screen:name:study/screenA"\ninclude: "../bulk.yml"\n'
        "path: plates.tsv\n",
        screenA__plates_DOT_tsv="Plate 01\t/data/Plate 01/a.screen\nPlate 02\trel/b.screen",
    )
    manifest = study / "screenA/bulk.yml"
    first, second = rows_of(manifest)
    fileset = first.pop("fileset")
    assert fileset.startswith("a.screen-")
    assert first == {
        "path": "/data/Plate 01/a.screen",
        "name": "Plate 01",
        "target": "Screen:name:study/screenA",
        "import_transfer": "ln_s",
        "exclude": "clientpath",
        "checksum_algorithm": "File-Size-64",
        "thumbnails": "no",
        "minmax": "no",
    }
    assert second["path"] == "rel/b.screen"
    assert bulk_rows(manifest).warnings == [
        "logprefix has no effect here: each job's log is in results/logs"
    ]
    assert job_options(manifest) == {"parallel_files": 10}
    assert files_of(manifest) == [
        manifest,
        (study / "screenA/../bulk.yml"),
        study / "screenA/plates.tsv",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.tsv", "/a b/c.tif\tDataset:name:X\n\n/d,e.tif\tDataset:name:X\n"),
        ("list.csv", '/a b/c.tif,Dataset:name:X\n"/d,e.tif",Dataset:name:X\n'),
        ("list.txt", '"/a b/c.tif" Dataset:name:X\n/d,e.tif Dataset:name:X\n'),
    ],
)
def test_spaces_in_paths(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "b.yml").write_text(f"path: {name}\ncolumns: [path, target]\n")
    rows = rows_of(tmp_path / "b.yml")
    assert [row["path"] for row in rows] == ["/a b/c.tif", "/d,e.tif"]
    assert {row["target"] for row in rows} == {"Dataset:name:X"}


def test_without_columns_a_line_is_a_path(tmp_path: Path) -> None:
    write(tmp_path, b_DOT_json='{"path": "l.tsv", "d": 7}', l_DOT_tsv="/a b.tif\n\n /c\td.tif\n")
    rows = rows_of(tmp_path / "b.json")
    assert [(row["path"], row["target"]) for row in rows] == [
        ("/a b.tif", "Dataset:7"),
        ("/c\td.tif", "Dataset:7"),
    ]


def test_a_compressed_list_is_found(tmp_path: Path) -> None:
    write(tmp_path, b_DOT_yml="path: l.tsv\ncolumns: [target, path]\n")
    (tmp_path / "l.tsv.gz").write_bytes(gzip.compress(b"Dataset:name:X\t/a.tif\n"))
    assert [row["path"] for row in rows_of(tmp_path / "b.yml")] == ["/a.tif"]


def test_a_cell_wins_over_the_bulk_file_and_an_empty_one_does_not(tmp_path: Path) -> None:
    write(
        tmp_path,
        b_DOT_yml="path: l.csv\nname: all\ncolumns: [path, name, kv.organism]\n",
        l_DOT_csv="/a.tif,own,H. sapiens\n/b.tif,,\n",
    )
    first, second = rows_of(tmp_path / "b.yml")
    assert (first["name"], first["kv.organism"]) == ("own", "H. sapiens")
    assert (second["name"], second["kv.organism"]) == ("all", "")


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("Plate 1\t/a/b.screen", {"name": "Plate 1", "path": "/a/b.screen"}),
        ("Project:name:P/Dataset:name:D\t/a.tif", {"target": "Project:name:P/Dataset:name:D"}),
        ("Dataset:name:D\t/a.tif\tName", {"path": "/a.tif", "name": "Name"}),
        ("Dataset:name:D\tName\t/a.tif", {"path": "/a.tif", "name": "Name"}),
        ("/a b.tif", {"path": "/a b.tif"}),
        ("Plate 1\t../screens/1.screen", {"path": "../screens/1.screen", "name": "Plate 1"}),
        ("/data/1/Index.idx.xml\tPlate 1", {"path": "/data/1/Index.idx.xml", "name": "Plate 1"}),
    ],
)
def test_lists_of_idr_without_a_bulk_file(tmp_path: Path, line: str, cells: dict[str, str]) -> None:
    path = tmp_path / "idr-filePaths.tsv"
    path.write_text(line + "\n")
    (row,) = rows_of(path)
    assert row.items() >= cells.items()


def test_a_fileset_keeps_its_name_when_lines_move_or_change_their_target(tmp_path: Path) -> None:
    path = tmp_path / "l.tsv"
    path.write_text("Dataset:name:A\t/x.tif\n")
    (before,) = rows_of(path)
    path.write_text("Dataset:name:B\t/new.tif\nDataset:name:B\t/x.tif\n")
    assert rows_of(path)[1]["fileset"] == before["fileset"]


def test_options_of_jobs_and_remarks(tmp_path: Path) -> None:
    write(
        tmp_path,
        b_DOT_yml="path: l\nparallel-fileset: 3\nminutes_wait: -1\ncontinue: false\ndry_run: x%s\n"
        "password: secret\n",
        l="/a.tif\n",
    )
    read = bulk_rows(tmp_path / "b.yml")
    assert job_options(tmp_path / "b.yml") == {"parallel_filesets": 3, "wait": "forever"}
    assert read.dry_run
    assert read.warnings == [
        "continue: False - one fileset's failure stops no other",
        "password has no effect here: the login comes from the environment, and a row's user from "
        "the column user",
    ]


@pytest.mark.parametrize(
    ("bulk", "listed", "words"),
    [
        ("columns: [path]", "", "it has no path"),
        ("path: gone.tsv", "", "gone.tsv cannot be read (No such file"),
        ("path: l\ncolumns: [target]", "x", "no column is the path"),
        ("path: l\ncolumns: target", "x", "columns is not a list"),
        ("path: l\ncolumns: [path, tagret]", "x y", "Did you mean target?"),
        ("path: l\ntranfser: ln_s", "x", "Did you mean transfer?"),
        ("path: l.tsv\ncolumns: [target, path]", "x", "row 1: the line has 1 cells, not 2"),
        ("path: l\ncolumns: [path, name]", "'a b", "cannot be read as words"),
        ("path: l\ninclude: b.yml", "x", "includes itself"),
        ("path: l\ninclude: gone.yml", "x", "gone.yml cannot be read"),
        ("path: l\ninclude: [a]", "x", "is not a file's name"),
        ("- a\n- b", "x", "does not contain a list of options"),
        ("path: 'l", "x", "is not YAML"),
        ("path: l\nskip: [everything]", "x", "skip: everything cannot be skipped"),
        ("path: l\nparallel_upload: many", "x", "is not a whole number"),
        ("path: l\nname: {a: b}", "x", "is not text"),
    ],
)
def test_what_is_refused(tmp_path: Path, bulk: str, listed: str, words: str) -> None:
    (tmp_path / "b.yml").write_text(bulk)
    for name in ("l", "l.tsv"):
        (tmp_path / name).write_text(listed)
    with pytest.raises(ManifestError, match=r"b\.yml") as refused:
        bulk_rows(tmp_path / "b.yml")
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)
