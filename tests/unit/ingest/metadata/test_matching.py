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
