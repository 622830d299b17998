"""Tables of metadata as people and their programs save them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

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
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-32"])
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
    pd.DataFrame(ROWS).to_excel(path, header=False, index=False)
    assert key_values(read_lines(path)) == PAIRS


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.csv", None, "cannot be read: .*No such file"),
        ("a.xlsx", b"no spreadsheet", "cannot be read"),
        ("a.csv", b"\x1f\x8bbroken", "cannot be read"),
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
