"""The options of an import, each as OMERO shows it afterwards."""

from __future__ import annotations

from typing import Any

import numpy
import omero.model
import pytest
import tifffile
from omero.rtypes import rstring

from ingest.digests import OMERO_ALGORITHMS, digest_file
from ingest.fileset import Record
from ingest.omero.session import Session
from ingest.stages import checksum, importing
from tests.integration.ingest_omero.rig import Rig, write_image


def imported(rig: Rig, fileset_id: str) -> Record:
    record = rig.import_all()[fileset_id]
    assert record.status == "ok", record.cause
    return record


def pixel_sizes(rig: Rig, record: Record) -> list[tuple[float, str] | None]:
    ((pixels,),) = rig.omero.rows(
        "select p.id from Pixels p where p.image.id = :id", id=record.facts["image_ids"][0]
    )
    (found,) = rig.omero.objects("select p from Pixels p where p.id = :id", id=pixels)
    lengths = [getattr(found, f"physicalSize{axis}") for axis in "XYZ"]
    return [(each.getValue(), each.getUnit().name) if each else None for each in lengths]


def annotations_on(rig: Rig, image: int) -> list[list[Any]]:
    return rig.omero.rows(
        "select a.ns, a.textValue from ImageAnnotationLink l join l.child a "
        "where l.parent.id = :id order by a.textValue",
        id=image,
    )


def save_annotation(session: Session, annotation: Any) -> int:
    return int(session.save([annotation])[0].getId().getValue())


def comment(text: str, namespace: str = "") -> Any:
    made = omero.model.CommentAnnotationI()
    made.setTextValue(rstring(text))
    made.setNs(rstring(namespace) if namespace else None)
    return made


def tag(text: str) -> Any:
    made = omero.model.TagAnnotationI()
    made.setTextValue(rstring(text))
    return made


def test_pixel_sizes_of_an_image_that_tells_none(rig: Rig) -> None:
    silent = rig.folder / "s&sizeX=8&sizeY=8.fake"
    silent.touch()
    rig.add("sized", [silent], pixel_size=(0.65, 0.7, 2.0))
    found = pixel_sizes(rig, imported(rig, "sized"))
    assert found == [(0.65, "MICROMETER"), (0.7, "MICROMETER"), (2.0, "MICROMETER")]


def test_pixel_sizes_that_the_file_tells_stay(rig: Rig) -> None:
    path = rig.folder / "told.ome.tif"
    tifffile.imwrite(
        path,
        numpy.zeros((8, 8), numpy.uint8),
        metadata={
            "axes": "YX",
            "PhysicalSizeX": 0.1,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": 0.2,
            "PhysicalSizeYUnit": "µm",
        },
    )
    rig.add("told", [path], pixel_size=(5.0, 5.0, 5.0))
    found = pixel_sizes(rig, imported(rig, "told"))
    assert found == [(0.1, "MICROMETER"), (0.2, "MICROMETER"), (5.0, "MICROMETER")]


def test_annotations_and_comments_on_every_image_once(rig: Rig) -> None:
    first, second = (save_annotation(rig.omero, made) for made in (tag("T"), comment("C", "n/s")))
    plate = rig.folder / "s&series=3&sizeX=8&sizeY=8.fake"
    plate.touch()
    comments = (("", "seen"), ("lab/quality", "good\nenough"))
    rig.add("noted", [plate], annotations=(first, second), comments=comments)
    record = imported(rig, "noted")
    assert len(record.facts["image_ids"]) == 3
    for image in record.facts["image_ids"]:
        assert annotations_on(rig, image) == [
            ["n/s", "C"],
            [None, "T"],
            ["lab/quality", "good\nenough"],
            [None, "seen"],
        ]
    # One comment for all images, not one for each.
    made = "select a.id from CommentAnnotation a where a.ns = :ns"
    assert rig.count(made, ns="lab/quality") == 1


def test_an_annotation_that_is_not_there_is_found_before_anything_is_made(rig: Rig) -> None:
    source = write_image(rig.folder / "a.tif")
    there = save_annotation(rig.omero, tag("there"))
    rig.add("bad", [source], annotations=(there, 10**9))
    record = rig.import_all()["bad"]
    assert record.status == "error"
    assert f"there is no annotation {10**9}" in record.cause
    assert "Correct the ids" in record.remedy
    entries = "select e.id from FilesetEntry e where e.clientPath = :path"
    assert rig.count(entries, path=str(source)[1:]) == 0
    rig.change("bad", annotations=(there,))
    assert imported(rig, "bad").facts["image_ids"]


def test_an_annotation_that_orders_the_server_about_is_refused(rig: Rig) -> None:
    order = save_annotation(rig.omero, comment("x", "openmicroscopy.org/omero/import/autoClose"))
    rig.add("bad", [write_image(rig.folder / "a.tif")], annotations=(order,))
    record = rig.import_all()["bad"]
    assert record.status == "error"
    assert "orders to an import" in record.cause


@pytest.mark.parametrize(
    ("group", "user", "permitted"),
    [("demo", "grace", True), ("screening", "santiago", False)],  # read-annotate, read-only
)
def test_anothers_annotation_is_linked_where_the_group_permits_it(
    rig: Rig, group: str, user: str, permitted: bool
) -> None:
    with rig.context.sessions.using("ada", group) as ada:
        hers = save_annotation(ada, tag("hers"))
    source = write_image(rig.folder / "a.tif")
    rig.add("row", [source], user=user, group=group, annotations=(hers,))
    record = rig.import_all()["row"]
    if permitted:
        assert record.status == "ok", record.cause
        assert annotations_on(rig, record.facts["image_ids"][0]) == [[None, "hers"]]
    else:
        assert record.status == "error"
        assert f"{user} may not link annotation {hers}" in record.cause
        entries = "select e.id from FilesetEntry e where e.clientPath = :path"
        assert rig.count(entries, path=str(source)[1:]) == 0


def test_an_annotation_of_another_group_is_refused(rig: Rig) -> None:
    with rig.context.sessions.using("santiago", "screening") as other:
        assert other.group != rig.omero.group
        elsewhere = save_annotation(other, tag("elsewhere"))
    rig.add("bad", [write_image(rig.folder / "a.tif")], annotations=(elsewhere,))
    record = rig.import_all()["bad"]
    assert record.status == "error"
    assert f"no annotation {elsewhere} in group {rig.omero.group}" in record.cause


@pytest.mark.parametrize("algorithm", OMERO_ALGORITHMS)
def test_every_algorithm(rig: Rig, algorithm: str) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("row", [source], checksum_algorithm=algorithm)
    record = through_checksum(rig)["row"]
    assert record.status == "ok", record.cause
    assert record.facts["algorithm"] == algorithm
    digest = digest_file(str(source), [algorithm]).digests[algorithm]
    assert record.facts["server_digests"] == {"a.tif": digest}


def through_checksum(rig: Rig) -> dict[str, Record]:
    """The import of what the real checksum stage hands on."""
    rig.targets()
    before = rig.checksum()
    rig.run(checksum.STAGE, before)
    return rig.run(importing.STAGE, rig.folder / "checksum.jsonl")


def test_the_algorithm_is_negotiated(rig: Rig) -> None:
    rig.add("row", [write_image(rig.folder / "a.tif")], checksum_algorithm="auto")
    assert through_checksum(rig)["row"].facts["algorithm"] == "Murmur3-128"


def test_another_algorithm_does_not_import_again(rig: Rig) -> None:
    sources = [write_image(rig.folder / "d" / name) for name in ("a.tif", "b.tif")]
    rig.add("row", sources)
    first = through_checksum(rig)["row"]
    for algorithm in ("SHA1-160", "CRC-32", "auto"):
        rig.change("row", checksum_algorithm=algorithm)
        again = through_checksum(rig)["row"]
        assert again.status == "ok", again.cause
        assert again.facts["fileset_id"] == first.facts["fileset_id"]
        assert again.facts["server_digests"] == first.facts["server_digests"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("pixel_size", (1.0, 1.0, 1.0)),
        ("comments", (("lab", "new"),)),
        ("annotations", (1,)),
    ],
)
def test_what_an_imported_row_cannot_change_is_refused(rig: Rig, column: str, value: Any) -> None:
    rig.add("row", [write_image(rig.folder / "a.tif")], pixel_size=(2.0, 2.0, 2.0))
    first = imported(rig, "row")
    rig.change("row", **{column: value})
    refused = rig.import_all()["row"]
    assert refused.status == "error"
    assert f"imported already, as Fileset:{first.facts['fileset_id']}, but with" in refused.cause
    assert column in refused.cause
    assert "Change the row back" in refused.remedy


def test_what_only_concerns_the_import_itself_may_change(rig: Rig) -> None:
    rig.add("row", [write_image(rig.folder / "a.tif")])
    first = imported(rig, "row")
    rig.change("row", thumbnails=False, minmax=False, exclude=("clientpath", "filename"))
    assert imported(rig, "row").facts["fileset_id"] == first.facts["fileset_id"]


def test_minmax_is_measured_unless_it_is_not_wanted(rig: Rig) -> None:
    for name, minmax in (("with", True), ("without", False)):
        rig.add(name, [write_image(rig.folder / f"{name}.tif")], minmax=minmax)
    records = rig.import_all()
    query = "select s.globalMax from Channel c join c.statsInfo s where c.pixels.image.id = :id"
    found = {
        name: rig.omero.rows(query, id=record.facts["image_ids"][0])
        for name, record in records.items()
    }
    brightest = float(tifffile.imread(rig.folder / "with.tif").max())
    assert found["with"] == [[brightest]]
    assert found["without"] in ([], [[1.0]])  # none, or the mark of those that are not known yet


def test_thumbnails_are_drawn_unless_they_are_not_wanted(rig: Rig) -> None:
    for name, thumbnails in (("with", True), ("without", False)):
        rig.add(name, [write_image(rig.folder / f"{name}.tif")], thumbnails=thumbnails)
    records = rig.import_all()
    query = (
        "select j.id from FilesetJobLink l join l.child j "
        "where l.parent.id = :id and j.class = ThumbnailGenerationJob"
    )
    jobs = {
        name: rig.count(query, id=record.facts["fileset_id"]) for name, record in records.items()
    }
    assert jobs == {"with": 1, "without": 0}
