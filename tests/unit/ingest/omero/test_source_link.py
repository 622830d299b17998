from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ingest.digests import digest_bytes
from ingest.fileset import Fileset, Record, SourceFile
from ingest.stages.annotate import FILES_LISTED, annotated, source_pairs

CONTEXT: Any = SimpleNamespace(config=SimpleNamespace(manifest=Path("/m/manifest.csv")))


def record(count: int) -> Record:
    files = tuple(
        SourceFile(f"/raw/{i}", f"/store/{i}", f"{i}.tif", 1, 1, 1, {"MD5-128": f"{i:032x}"})
        for i in range(count)
    )
    return Record("f", "import", "ok", host="node7", files=files)


def test_the_source_is_where_the_manifest_found_it() -> None:
    pairs = source_pairs(Fileset("f", 12, "/raw/0"), record(2), CONTEXT)
    assert pairs == [
        ("host", "node7"),
        ("path", "/raw/0"),
        ("manifest", "manifest.csv"),
        ("row", "12"),
        ("fileset", "f"),
        ("digest 0.tif", "MD5-128:" + "0" * 32),
        ("digest 1.tif", "MD5-128:" + "0" * 31 + "1"),
    ]


def test_many_files_are_one_digest_that_does_not_depend_on_their_order() -> None:
    many = record(FILES_LISTED + 1)
    pairs = dict(source_pairs(Fileset("f", 2, "/raw/0"), many, CONTEXT))
    assert pairs["files"] == "51"
    lines = "".join(f"{i:032x}  {i}.tif\n" for i in range(51))
    expected = digest_bytes(lines.encode(), ["MD5-128"])["MD5-128"]
    assert pairs["digest of all files"] == f"MD5-128:{expected}"
    assert not [key for key in pairs if key.endswith(".tif")]


def test_plates_are_annotated_rather_than_images() -> None:
    assert annotated({"plate_ids": [3], "image_ids": [1, 2]}) == ("Plate", [3])
    assert annotated({"plate_ids": [], "image_ids": [1, 2]}) == ("Image", [1, 2])
