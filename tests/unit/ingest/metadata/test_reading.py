"""Tables of metadata as people and their programs save them."""

from __future__ import annotations

import gzip
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from ingest.fileset import StageError
from ingest.metadata.columns import describe, key_values, well_label
from ingest.metadata.reading import read_lines

ROWS = [["Key", "Value"], ["Organism", "H. sapiens"], ["Stain", "5 µg, then rinsed"]]
PAIRS = [("Organism", "H. sapiens"), ("Stain", "5 µg, then rinsed")]


def lines_of(separator: str) -> str:
    return "".join(
        separator.join(f'"{cell}"' if separator in cell else cell for cell in row) + "\r\n"
        for row in ROWS
    )


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1", "utf-32"],
)
def test_separators_and_encodings(tmp_path: Path, separator: str, encoding: str) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(lines_of(separator).encode(encoding))
    assert key_values(read_lines(path)) == PAIRS


@pytest.mark.parametrize("header", [["key", "VALUE"], ["Name", "Value"], None])
def test_with_or_without_a_header(tmp_path: Path, header: list[str] | None) -> None:
    path = tmp_path / "metadata.csv"
    rows = [*([header] if header else []), *ROWS[1:]]
    path.write_text("\n".join(";".join(row) for row in rows) + "\n\n;\n")
    assert key_values(read_lines(path)) == PAIRS


def test_a_compressed_table(tmp_path: Path) -> None:
    path = tmp_path / "annotation.csv.gz"
    path.write_bytes(gzip.compress(lines_of(",").encode()))
    assert key_values(read_lines(path)) == PAIRS


def test_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "metadata.xlsx"
    book = Workbook()
    for row in ROWS:
        book.active.append(row)
    book.save(path)
    assert key_values(read_lines(path)) == PAIRS


@pytest.mark.parametrize("name", ["metadata.xlsx", "metadata.csv"])
def test_a_spreadsheet_as_people_leave_it(tmp_path: Path, name: str) -> None:
    book = Workbook()
    book.active.title = "nothing on it"
    hidden = book.create_sheet("hidden")
    hidden.append(["Key", "hidden"])
    hidden.sheet_state = "hidden"
    sheet = book.create_sheet("data")
    sheet.append([])
    for row in (
        ["Image Name", "Group", "Day", "Fixed", "Count", "Dose"],
        ["a.tif", "control", date(2024, 5, 1), True, 7.0, 0.25],
        ["b.tif", None, datetime(2024, 5, 1, 8, 30), False, 10, None],
    ):
        sheet.append([None, *row])
    sheet.merge_cells("C3:C4")
    sheet.merge_cells("F2:G2")
    book.create_sheet("later").append(["x", "y"])
    book.save(tmp_path / "book.xlsx")
    (tmp_path / "book.xlsx").rename(tmp_path / name)

    lines = read_lines(tmp_path / name)
    assert lines.numbers == [2, 3, 4]
    assert lines.cells == [
        ["Image Name", "Group", "Day", "Fixed", "Count", ""],
        ["a.tif", "control", "2024-05-01", "True", "7", "0.25"],
        ["b.tif", "control", "2024-05-01 08:30:00", "False", "10", ""],
    ]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("Medium\tDMEM, 10% FBS\nNotes\ta, b\n", [("Medium", "DMEM, 10% FBS"), ("Notes", "a, b")]),
        ("Size;1,5\nTemp;37,0\n", [("Size", "1,5"), ("Temp", "37,0")]),
        (",Size,1\n,Temp,37\n", [("Size", "1"), ("Temp", "37")]),
    ],
)
def test_lines_that_could_be_cut_in_two_ways(
    tmp_path: Path, text: str, pairs: list[tuple[str, str]]
) -> None:
    (tmp_path / "metadata.csv").write_text(text)
    assert key_values(read_lines(tmp_path / "metadata.csv")) == pairs


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.csv", None, "cannot be read: .*No such file"),
        ("a.xlsx", b"no spreadsheet", "cannot be read"),
        ("a.csv", b"\x1f\x8bbroken", "cannot be read"),
        ("a.csv", b"a,1\0\nb,2\n", "cannot be read: it holds NUL"),
        ("a.csv", b'a,"1\nb,2\nc,3\n', "cannot be read: the quote before .* is never closed"),
        ("a.csv", b"a,b,c\n", "line 1 .* is not a key and a value"),
        ("a.csv", b"a\n", "line 1 .* is not a key and a value"),
    ],
)
def test_what_is_no_table(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StageError, match=words):
        key_values(read_lines(path))


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "annotation.csv"
    path.write_text(text)
    return path


def test_headers_of_idr(tmp_path: Path) -> None:
    described = describe(
        read_lines(
            table(
                tmp_path,
                "Plate,Well Number,Well,Characteristics [Organism],Term Source 1 REF,"
                "Comment [Gene],Characteristics [Gene]\nP1,1,a01,Yeast,NCBI,x,y\nP1,2,B2,,,,\n",
            )
        )
    )
    assert (described.kind, described.roles) == ("Well", ("plate", "well"))
    keys = [column.key for column in described.columns]
    assert keys == ["Well Number", "Organism", "Term Source 1 REF", "Comment [Gene]",
                    "Characteristics [Gene]"]  # fmt: skip
    first, second = described.rows
    assert first.names == {"plate": "P1", "well": "A1"}
    assert first.pairs(described.columns)[:2] == [("Well Number", "1"), ("Organism", "Yeast")]
    assert second.pairs(described.columns) == [("Well Number", "2")]


def test_headers_of_omero_metadata(tmp_path: Path) -> None:
    described = describe(
        read_lines(
            table(tmp_path, "# header image,d,l,b,s\nimage,size,count,good,note\n12,1.5,3,t,x\n")
        )
    )
    assert described.kind == "Image"
    assert described.by_id == {"image"}
    assert [column.type for column in described.columns] == ["double", "long", "bool", "string"]
    assert described.rows[0].names == {"image": "12"}


def test_a_table_about_nothing(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="does not say what its rows are about"):
        describe(read_lines(table(tmp_path, "Organism,Gene\na,b\n")))
    with pytest.raises(StageError, match="has no rows"):
        describe(read_lines(table(tmp_path, "Image Name,Gene\n")))


@pytest.mark.parametrize(
    ("text", "label"),
    [("A1", "A1"), ("a01", "A1"), ("H12", "H12"), ("ab007", "AB7"), ("control", "control")],
)
def test_labels_of_wells(text: str, label: str) -> None:
    assert well_label(text) == label
