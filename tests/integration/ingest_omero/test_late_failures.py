"""Imports that made images and then failed, or went on without thumbnails or statistics."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import tifffile

from ingest.omero import importer, queries
from tests.integration.ingest_omero.rig import Rig, write_image


def write_damaged(path: Path) -> Path:
    """A TIFF that opens, and whose only plane cannot be read."""
    plane = numpy.random.default_rng(0).integers(0, 65000, (64, 64), dtype=numpy.uint16)
    tifffile.imwrite(path, plane, compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        (offset,), (length,) = tiff.pages[0].dataoffsets, tiff.pages[0].databytecounts
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * length)
    return path


@pytest.mark.parametrize("thumbnails", [True, False])
@pytest.mark.parametrize("minmax", [True, False])
def test_what_went_through_is_known_by_any_of_its_signs(
    rig: Rig, thumbnails: bool, minmax: bool
) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("a", [source], thumbnails=thumbnails, minmax=minmax)
    record = rig.import_all()["a"]
    assert record.status == "ok", record.cause
    assert queries.is_processed(rig.omero, record.facts["fileset_id"])


def test_images_of_a_late_failure_are_no_import(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_damaged(rig.folder / "damaged.tif")
    rig.add("damaged", [source])
    # As if the job had been killed between OMERO's answer and the clean-up.
    monkeypatch.setattr(importer, "_remove", lambda *_: None)
    assert rig.import_all()["damaged"].status == "error"
    (left,) = rig.filesets_of(source)
    assert queries.image_ids(rig.omero, left)
    assert not queries.is_processed(rig.omero, left)
    monkeypatch.undo()

    rig.close()
    rig.context = rig.new_context()
    again = rig.import_all()["damaged"]
    assert again.status == "error" and str(source) in again.cause
    assert rig.filesets_of(source) == []
    assert rig.links_to(source) == []


def test_nothing_that_was_recorded_as_imported_is_removed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("a", [source])
    first = rig.import_all()["a"]
    assert first.status == "ok", first.cause
    # Whatever became of the signs since: thumbnails go, logs of events are emptied.
    monkeypatch.setattr(queries, "is_processed", lambda *_: False)
    rig.change("a", import_transfer="cp")
    changed = rig.import_all()["a"]
    assert "by ln_s, not cp" in changed.cause
    assert rig.filesets_of(source) == [first.facts["fileset_id"]]
