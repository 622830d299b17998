from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ingest import import_options
from ingest.config import ConfigError, load
from ingest.fileset import BadText, Fileset
from ingest.manifest import ManifestError, read_manifest


def read(folder: Path, header: str, cells: str, **options: Any) -> Fileset:
    (folder / "a.tif").write_text("a")
    (folder / "manifest.csv").write_text(f"fileset,path,{header}\na,a.tif,{cells}\n")
    [row] = read_manifest(load({"manifest": "manifest.csv", **options}), folder).rows
    return row


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("0.65x0.65x2", (0.65, 0.65, 2.0)),
        ("0.65", (0.65, 0.65, 0.65)),
        (" 1 X 2 × 3e-1 ", (1.0, 2.0, 0.3)),
        ("", ()),
    ],
)
def test_pixel_sizes(text: str, sizes: tuple[float, ...]) -> None:
    assert import_options.pixel_size(text) == sizes


WRONG = [
    ("pixel_size", "0.65x0.65", "is not a pixel size"),
    ("pixel_size", "0x1x1", "is not a pixel size"),
    ("pixel_size", "-1", "is not a pixel size"),
    ("pixel_size", "1e999", "is not a pixel size"),
    ("pixel_size", "0.65 um", "is not a pixel size"),
    ("pixel_size", "nan", "is not a pixel size"),
    ("annotations", "12;x", "'x' is not the id of an annotation"),
    ("annotations", "0", "'0' is not the id"),
    ("annotations", "-3", "'-3' is not the id"),
    ("annotations", str(2**63), "is not the id"),
    ("thumbnails", "maybe", "neither yes nor no"),
    ("minmax", "0", "neither yes nor no"),
    ("exclude", "path", "'path' is not an exclusion"),
    ("exclude", "clientpath;none", "'none' is not an exclusion"),
    ("checksum_algorithm", "md5", "'md5' is not a checksum algorithm of OMERO's"),
]


@pytest.mark.parametrize(("column", "text", "cause"), WRONG)
def test_wrong_texts_are_refused_with_their_row_and_remedy(
    tmp_path: Path, column: str, text: str, cause: str
) -> None:
    with pytest.raises(BadText, match=re.escape(cause)) as wrong:
        import_options.PARSERS[column](text)
    assert "Write" in wrong.value.problem.remedy
    with pytest.raises(ManifestError) as refused:
        read(tmp_path, column, text)
    [problem] = refused.value.problems
    assert (problem.row, problem.column, problem.fileset) == (2, column, "a")
    assert problem.cause == wrong.value.problem.cause


def test_all_wrong_cells_of_a_row_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as refused:
        read(tmp_path, "thumbnails,minmax,pixel_size,exclude", "x,x,x,x")
    columns = {problem.column for problem in refused.value.problems}
    assert columns == {"thumbnails", "minmax", "pixel_size", "exclude"}


def test_a_wrong_row_that_is_skipped_keeps_its_problem(tmp_path: Path) -> None:
    row = read(tmp_path, "thumbnails", "maybe", invalid_rows="skip")
    assert row.problem is not None
    assert "thumbnails" in row.problem.cause


def test_empty_cells_take_the_configuration(tmp_path: Path) -> None:
    options = {
        "import": {
            "thumbnails": False,
            "minmax": False,
            "pixel_size": 0.5,
            "annotations": [3, 4],
            "exclude": ["filename"],
        },
        "checksum": {"algorithm": "auto"},
    }
    row = read(tmp_path, "thumbnails,exclude", ",", **options)
    assert (row.thumbnails, row.minmax) == (False, False)
    assert row.pixel_size == (0.5, 0.5, 0.5)
    assert row.annotations == (3, 4)
    assert (row.exclude, row.checksum_algorithm) == (("filename",), "auto")
    own = read(
        tmp_path,
        "thumbnails,minmax,pixel_size,annotations,exclude,checksum_algorithm",
        "Yes,TRUE,1x2x3,7,none,md5-128",
        **options,
    )
    assert (own.thumbnails, own.minmax, own.pixel_size) == (True, True, (1.0, 2.0, 3.0))
    assert (own.annotations, own.exclude, own.checksum_algorithm) == ((7,), (), "MD5-128")


def test_a_fileset_survives_the_plan(tmp_path: Path) -> None:
    header = "pixel_size,annotations,comment,comment.lab,exclude"
    row = read(tmp_path, header, "1x2x3,7;8,seen,fine,clientpath")
    assert Fileset.from_json(row.to_json()) == row
    assert row.comments == (("", "seen"), ("lab", "fine"))


@pytest.mark.parametrize(
    ("column", "cause", "remedy"),
    [
        ("pixelsize", "there is no such column", "Did you mean pixel_size?"),
        ("thumbnail", "there is no such column", "Did you mean thumbnails?"),
        ("annotation", "there is no such column", "Did you mean annotations?"),
        ("checksum_algoritm", "there is no such column", "Did you mean checksum_algorithm?"),
        ("Comment.lab", "there is no such column", "Did you mean comment.lab?"),
        ("comment.", "not complete", "like comment.lab.example/quality"),
        ("comment.openmicroscopy.org/omero/import/autoClose", "for orders", "another namespace"),
    ],
)
def test_wrong_columns(tmp_path: Path, column: str, cause: str, remedy: str) -> None:
    with pytest.raises(ManifestError) as refused:
        read(tmp_path, column, "x")
    [problem] = refused.value.problems
    assert cause in problem.cause
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("written", "meant"),
    [("forever", "forever"), (False, "no"), ("no", "no"), (0, "no"), (5, 5)],
)
def test_waiting(written: Any, meant: Any) -> None:
    assert load({"import": {"wait": written}}).importing.wait == meant


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("wait", -1, "neither forever, no, nor a number of minutes"),
        ("wait", True, "neither forever, no, nor a number of minutes"),
        ("wait", "long", "neither forever, no, nor a number of minutes"),
        ("pixel_size", "big", "is refused"),
        ("pixel_size", True, "is refused"),
        ("annotations", [0], "greater than 0"),
        ("exclude", ["name"], "'clientpath' or 'filename'"),
        ("timeout_minutes", 4, "there is no such option"),
    ],
)
def test_wrong_options_are_named(option: str, value: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({"import": {option: value}})
    [told] = refused.value.problems
    assert told.startswith(f"import.{option}")
    assert problem in told
