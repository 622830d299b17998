"""Rows that name a converter: what the plan makes of them, and what it refuses."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from ingest.config import load
from ingest.manifest import Manifest, read_manifest
from ingest.manifest_problems import ManifestError

CONVERTERS = {"ometiff": {"image": "x.sif", "contract": "biomero"}}
STORE = {"transfer": {"store": "store"}}


def read(folder: Path, row: dict[str, str], **options: Any) -> Manifest:
    (folder / "a.raw").write_text("x")
    cells = {"fileset": "a", "path": "a.raw", **row}
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(cells))
        writer.writeheader()
        writer.writerow(cells)
    known = {"manifest": "manifest.csv", "converters": CONVERTERS, **options}
    return read_manifest(load(known), folder)


def test_a_row_has_its_converter_and_no_transfer_of_its_own(tmp_path: Path) -> None:
    defaults = {"convert": "ometiff?x=1", "transfer": "cp"}
    (row,) = read(tmp_path, {}, defaults=defaults, **STORE).rows
    assert (row.convert, row.transfer) == ("ometiff?x=1", "none")
    (row,) = read(tmp_path, {"convert": "ometiff"}, defaults=defaults, **STORE).rows
    assert row.convert == "ometiff"
    (row,) = read(tmp_path, {"convert": "none"}, defaults=defaults, **STORE).rows
    assert (row.convert, row.transfer) == ("", "cp")
    (row,) = read(tmp_path, {"convert": "ometiff"}, convert={"store": "s"}).rows
    assert row.convert == "ometiff"


@pytest.mark.parametrize(
    ("row", "options", "column", "cause", "remedy"),
    [
        ({"convert": "omtiff"}, STORE, "convert", "no converter 'omtiff'", "mean ometiff?"),
        ({"convert": "ometiff"}, {}, "convert", "no place", "convert.store"),
        ({"convert": "ometiff", "transfer": "mv"}, STORE, "transfer", "mv is asked for", "empty"),
        (
            {"transfer": "cp"},
            {**STORE, "defaults": {"convert": "ometiff"}},
            "transfer",
            "cp is asked for",
            "empty",
        ),
        (
            {"convert": "ometiff", "import_transfer": "ln_rm"},
            STORE,
            "import_transfer",
            "removes the sources",
            "Write ln.",
        ),
    ],
)
def test_rows_that_cannot_be_converted(
    tmp_path: Path,
    row: dict[str, str],
    options: dict[str, Any],
    column: str,
    cause: str,
    remedy: str,
) -> None:
    with pytest.raises(ManifestError) as refused:
        read(tmp_path, row, **options)
    (problem,) = refused.value.problems
    assert problem.column == column
    assert cause in problem.cause
    assert remedy in problem.remedy
