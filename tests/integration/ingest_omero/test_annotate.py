from __future__ import annotations

import json

import omero.cmd

from ingest.failures import TARGETS, last_failures
from ingest.omero import queries
from ingest.omero.tags import resolve_tag
from tests.integration.ingest_omero.rig import Rig, write_image
from tests.integration.ingest_omero.test_importing import PLATE


def pairs(rig: Rig, annotation_id: int) -> dict[str, str]:
    annotation = queries.map_annotations(rig.omero, [annotation_id])[annotation_id]
    return {pair.name: pair.value for pair in annotation.getMapValue()}


def annotation_links(rig: Rig, kind: str) -> list[list[int]]:
    return rig.omero.rows(
        {
            "Image": "select l.parent.id, l.child.id from ImageAnnotationLink l order by l.id",
            "Plate": "select l.parent.id, l.child.id from PlateAnnotationLink l order by l.id",
        }[kind]
    )


def test_every_image_gets_the_pairs_the_tags_and_the_source(rig: Rig) -> None:
    source = write_image(rig.folder / "two&series=2&sizeX=8&sizeY=8.fake")
    source.write_bytes(b"")
    key_values = (("organism", "Mus musculus"), ("größe", "3 µm"), ("organism", "twice"))
    rig.add("row", [source], key_values=key_values, tags=("t1", "t 2"))
    rig.import_all()
    record = rig.annotate_all()["row"]
    assert record.status == "ok", record.cause
    images = record.facts["image_ids"]
    assert len(images) == 2
    number = record.facts["key_values_id"]
    annotation = queries.map_annotations(rig.omero, [number])[number]
    assert [(pair.name, pair.value) for pair in annotation.getMapValue()] == list(key_values)
    made = [
        record.facts["key_values_id"],
        record.facts["source_id"],
        *record.facts["tags"].values(),
    ]
    assert len(set(made)) == 4
    for annotation_id in made:
        assert queries.linked_objects(rig.omero, "Image", images, annotation_id) == set(images)
    source_pairs = pairs(rig, record.facts["source_id"])
    assert source_pairs["host"]
    assert source_pairs["path"] == str(source)
    assert (source_pairs["row"], source_pairs["fileset"]) == ("2", "row")
    digests = record.files[0].digests
    assert source_pairs[f"digest {source.name}"] == " ".join(
        f"{algorithm}:{digest}" for algorithm, digest in digests.items()
    )


def test_a_plate_is_annotated_instead_of_its_images(rig: Rig) -> None:
    source = rig.folder / PLATE
    source.touch()
    rig.add("plate", [source], key_values=(("k", "v"),))
    rig.import_all()
    record = rig.annotate_all()["plate"]
    (plate,) = record.facts["plate_ids"]
    links = annotation_links(rig, "Plate")
    assert [plate, record.facts["key_values_id"]] in links
    images = set(record.facts["image_ids"])
    assert not [link for link in annotation_links(rig, "Image") if link[0] in images]


def test_twice_changes_nothing(rig: Rig) -> None:
    rig.add("row", [write_image(rig.folder / "a.tif")], key_values=(("k", "v"),), tags=("twice",))
    rig.import_all()
    first = rig.annotate_all()["row"]
    before = annotation_links(rig, "Image")
    assert rig.annotate_all()["row"] == first
    journal = rig.context.journal.path("row")
    lines = [line for line in journal.read_text().splitlines() if '"annotate"' not in line]
    journal.write_text("".join(line + "\n" for line in lines))
    assert rig.annotate_all()["row"].facts == first.facts
    assert annotation_links(rig, "Image") == before


def test_a_changed_row_changes_its_annotation_in_place(rig: Rig) -> None:
    rig.add("row", [write_image(rig.folder / "a.tif")], key_values=(("k", "v"),), tags=("old",))
    rig.import_all()
    first = rig.annotate_all()["row"]
    rig.change("row", key_values=(("k", "w"), ("l", "x")), tags=("new",))
    rig.import_all()
    second = rig.annotate_all()["row"]
    assert second.facts["key_values_id"] == first.facts["key_values_id"]
    assert pairs(rig, second.facts["key_values_id"]) == {"k": "w", "l": "x"}
    images = second.facts["image_ids"]
    for tag in (first.facts["tags"]["old"], second.facts["tags"]["new"]):
        assert queries.linked_objects(rig.omero, "Image", images, tag) == set(images)


def test_an_annotation_taken_off_by_hand_is_put_back(rig: Rig) -> None:
    import omero.cmd

    rig.add("row", [write_image(rig.folder / "a.tif")], key_values=(("k", "v"),))
    rig.import_all()
    first = rig.annotate_all()["row"]
    rig.omero.submit(omero.cmd.Delete2({"Annotation": [first.facts["key_values_id"]]}))
    second = rig.annotate_all()["row"]
    assert second.status == "ok", second.cause
    assert pairs(rig, second.facts["key_values_id"]) == {"k": "v"}


def test_a_tag_is_used_again_and_a_tag_set_is_none(rig: Rig) -> None:
    import omero.model
    from omero.rtypes import rstring

    tag_set = omero.model.TagAnnotationI()
    tag_set.setTextValue(rstring("used again"))
    tag_set.setNs(rstring("openmicroscopy.org/omero/insight/tagset"))
    set_id = rig.omero.save([tag_set])[0].getId().getValue()
    first = resolve_tag(rig.omero, "used again")
    assert first != set_id
    for seed in (1, 2):
        source = write_image(rig.folder / f"{seed}.tif", seed)
        rig.add(f"row{seed}", [source], tags=("used again",))
    rig.import_all()
    for record in rig.annotate_all().values():
        assert record.facts["tags"] == {"used again": first}


def test_nothing_asked_for_is_nothing_made(rig: Rig) -> None:
    rig.options["annotate"] = {"source_link": False}
    rig.context.config = rig.config
    rig.add("row", [write_image(rig.folder / "a.tif")])
    rig.import_all()
    record = rig.annotate_all()["row"]
    assert record.status == "notneeded"
    assert record.facts["source_id"] is None


def test_a_tag_that_is_taken_away_before_is_told_and_had_anew(rig: Rig) -> None:
    rig.add("row", [write_image(rig.folder / "a.tif")], tags=("short-lived",))
    rig.import_all()
    (tag,) = json.loads((rig.context.results / "targets.json").read_text())["tags"]
    rig.omero.submit(omero.cmd.Delete2({"Annotation": [tag["id"]]}))
    record = rig.annotate_all()["row"]
    assert record.status == "error"
    assert "the tag short-lived was in OMERO" in record.cause
    assert last_failures(rig.context.results).at(TARGETS)
    rig.targets()
    assert rig.annotate_all()["row"].status == "ok"
