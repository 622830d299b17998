"""Which object each row is about."""

from __future__ import annotations

from pathlib import Path

from ingest.metadata.columns import describe
from ingest.metadata.matching import Described, match
from ingest.metadata.reading import read_lines
from ingest.metadata.rembi import missing_fields


def image(number: int, name: str, dataset: str) -> Described:
    names = {"image": frozenset([name]), "dataset": frozenset([dataset])}
    return Described("Image", number, "", "", names, {"image": number})  # type: ignore[arg-type]


IMAGES = [image(1, "a.tif", "D"), image(2, "b.tif", "D"), image(3, "a.tif", "E")]


def problems_and_ids(tmp_path: Path, text: str) -> list[tuple[str, list[int]]]:
    path = tmp_path / "t.csv"
    path.write_text(text)
    return [
        (each.problem, [found.id for found in each.objects])
        for each in match(describe(read_lines(path)), IMAGES)
    ]


def test_one_two_and_none(tmp_path: Path) -> None:
    found = problems_and_ids(
        tmp_path, "Dataset Name,Image Name,x\nD,a.tif,1\n,a.tif,2\nE,b.tif,3\n,b.tif,4\n,,5\n"
    )
    assert found == [
        ("", [1]),
        ("2 images of this manifest have image a.tif: Image:1, Image:3", []),
        ("there is no image of this manifest with dataset E, image b.tif", []),
        ("", [2]),
        ("the row names no image", []),
    ]


def test_ids(tmp_path: Path) -> None:
    assert problems_and_ids(tmp_path, "image,x\n3,1\n9,2\n") == [
        ("", [3]),
        ("there is no image of this manifest with image 9", []),
    ]


def test_names_that_are_numbers(tmp_path: Path) -> None:
    assert problems_and_ids(tmp_path, "Image Name,x\n3,1\n")[0][1] == []


def test_fields_that_rembi_recommends() -> None:
    assert missing_fields(["Organism", "Cell_Line", "Gene Symbol", "Channels"]) == [
        "Specimen: preparation",
        "Image acquisition: imaging method",
        "Image acquisition: instrument",
    ]


def test_names_in_two_spellings_of_unicode(tmp_path: Path) -> None:
    decomposed = image(7, "Mu\u0308ller.tif ", "D")
    path = tmp_path / "t.csv"
    path.write_text("Image Name,x\nM\u00fcller.tif,1\n")
    (found,) = match(describe(read_lines(path)), [decomposed])
    assert [each.id for each in found.objects] == [7]


def test_rows_wider_than_the_header(tmp_path: Path) -> None:
    found = problems_and_ids(tmp_path, "Image Name,x,y\nb.tif,1,2,\nb.tif,1,000,2\n")
    assert found[0] == ("", [2])
    assert found[1][0].startswith("it has 4 cells, the header 3") and not found[1][1]


def test_exported_tables_have_ids_and_names(tmp_path: Path) -> None:
    for header in ("Image,Image Name", "Image Name,Image"):
        cells = "3,a.tif" if header.startswith("Image,") else "a.tif,3"
        assert problems_and_ids(tmp_path, f"{header},x\n{cells},1\n") == [("", [3])]
