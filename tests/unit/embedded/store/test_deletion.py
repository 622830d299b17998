"""What goes with what, as OMERO's deletion rules have it."""

from __future__ import annotations

from typing import Any

import omero
import pytest
from omero.rtypes import rlong, unwrap

from omero_embedded.store import Actor, Store
from tests.unit.embedded.store.builders import (
    fileset,
    image,
    map_annotation,
    named,
    original_file,
    plate,
    proxy,
    text_annotation,
)


def _save(store: Store, actor: Actor, *graphs: Any) -> None:
    with store.write(actor) as work:
        work.save_all(graphs)


def _link(kind: str, parent: Any, child: Any) -> Any:
    link = getattr(omero.model, kind + "I")()
    link.setParent(parent)
    link.setChild(child)
    return link


def _left(store: Store, actor: Actor, *names: str) -> list[int]:
    with store.read(actor) as work:
        return [len(work.find_by(name)) for name in names]


def test_a_fileset_goes_with_all_that_it_brought(store: Store, ann: Actor) -> None:
    brought = fileset(["a.tif", "b.tif"], [image("a"), image("b")])
    brought.linkAnnotation(map_annotation("import", id="1"))
    _save(store, ann, brought)
    with store.write(ann) as work:
        deletion = work.delete("Fileset", [1])
    assert deletion.ids["Image"] == [1, 2]
    assert deletion.ids["Channel"] == [1, 2, 3, 4]
    assert deletion.ids["UploadJob"] == [1]
    assert deletion.ids["MapAnnotation"] == [1]
    names = {unwrap(file.getName()) for file in deletion.files}
    assert names == {"a.tif", "b.tif", "import.log"}
    left = ("Fileset", "FilesetEntry", "Image", "Pixels", "LogicalChannel", "StatsInfo", "Job")
    assert _left(store, ann, *left, "OriginalFile", "FilesetJobLink", "Annotation") == [0] * 10


def test_an_image_of_a_fileset_goes_only_with_the_others(store: Store, ann: Actor) -> None:
    _save(store, ann, fileset(["a.lif"], [image("a"), image("b")]))
    with pytest.raises(omero.ValidationException) as error, store.write(ann) as work:
        work.delete("Image", [1])
    assert "Fileset[1]" in error.value.message
    assert "Image[2]" in error.value.message
    with store.write(ann) as work:
        deletion = work.delete("Image", [1, 2])
    assert deletion.ids["Fileset"] == [1]
    assert _left(store, ann, "Fileset", "OriginalFile") == [0, 0]


def test_a_dry_run_tells_and_keeps(store: Store, ann: Actor) -> None:
    _save(store, ann, fileset(["a.tif"], [image("a")]))
    with store.write(ann) as work:
        assert work.delete("Image", [1], dry_run=True).ids["Fileset"] == [1]
    assert _left(store, ann, "Fileset", "Image", "OriginalFile") == [1, 1, 2]


def test_a_dataset_takes_images_that_are_in_no_other(store: Store, ann: Actor) -> None:
    first, second = named("Dataset", "1"), named("Dataset", "2")
    first.linkImage(image("only in 1"))
    shared = image("in both")
    _save(store, ann, first, second, shared)
    for dataset in (first, second):
        _save(
            store,
            ann,
            _link("DatasetImageLink", proxy("Dataset", unwrap(dataset.getId())), shared.proxy()),
        )
    with store.write(ann) as work:
        deletion = work.delete("Dataset", [1])
    assert deletion.ids["Image"] == [1]
    assert _left(store, ann, "Dataset", "Image", "DatasetImageLink") == [1, 1, 1]


def test_a_dataset_leaves_images_whose_fileset_stays(store: Store, ann: Actor) -> None:
    pictures = [image("a"), image("b")]
    dataset = named("Dataset", "D")
    dataset.linkImage(pictures[0])
    _save(store, ann, fileset(["a.lif"], pictures), dataset)
    with store.write(ann) as work:
        assert "Image" not in work.delete("Dataset", [1]).ids
    assert _left(store, ann, "Dataset", "Image", "DatasetImageLink") == [0, 2, 0]


def test_what_is_to_be_kept_is_kept(store: Store, ann: Actor) -> None:
    project, dataset = named("Project", "P"), named("Dataset", "D")
    dataset.linkImage(image("a"))
    project.linkDataset(dataset)
    _save(store, ann, project)
    with store.write(ann) as work:
        assert set(work.delete("Project", [1], keep=["Image"]).ids) == {
            "Project",
            "Dataset",
            "ProjectDatasetLink",
            "DatasetImageLink",
        }
    assert _left(store, ann, "Image") == [1]


def test_a_plate_goes_with_wells_and_images_and_their_fileset(store: Store, ann: Actor) -> None:
    pictures = [image("A1"), image("A2")]
    _save(store, ann, fileset(["plate.xml"], pictures), plate("P", pictures))
    screen = named("Screen", "S")
    screen.linkPlate(proxy("Plate", 1))
    _save(store, ann, screen)
    with pytest.raises(omero.ValidationException) as error, store.write(ann) as work:
        work.delete("Image", [1, 2])
    assert "WellSample" in error.value.message
    with store.write(ann) as work:
        deletion = work.delete("Screen", [1])
    assert deletion.ids["Well"] == [1, 2]
    assert deletion.ids["Fileset"] == [1]
    assert _left(store, ann, "Plate", "WellSample", "Image", "ScreenPlateLink") == [0, 0, 0, 0]


def test_annotations_go_with_the_last_object_that_has_them(store: Store, ann: Actor) -> None:
    first, second = image("a"), image("b")
    shared = map_annotation("shared", key="value")
    for each in (first, second):
        each.linkAnnotation(shared)
    first.linkAnnotation(text_annotation("Comment", "alone"))
    _save(store, ann, first, second)
    with store.write(ann) as work:
        deletion = work.delete("Image", [1])
        assert deletion.ids["CommentAnnotation"] == [2]
        assert "MapAnnotation" not in deletion.ids
        assert work.delete("Image", [2]).ids["MapAnnotation"] == [1]


def test_tags_stay_where_the_command_line_keeps_them(store: Store, ann: Actor) -> None:
    tagged = image("a")
    tagged.linkAnnotation(text_annotation("Tag", "mine"))
    _save(store, ann, tagged)
    with store.write(ann) as work:
        work.delete("Image", [1], keep=["TagAnnotation", "TermAnnotation", "FileAnnotation"])
    assert _left(store, ann, "TagAnnotation", "ImageAnnotationLink") == [1, 0]


def test_what_is_included_goes_although_it_is_kept_and_used(store: Store, ann: Actor) -> None:
    tag = text_annotation("Tag", "mine")
    tagged, other = image("a"), image("b")
    tagged.linkAnnotation(tag)
    other.linkAnnotation(tag)
    _save(store, ann, tagged, other)
    with store.write(ann) as work:
        work.delete("Image", [1], keep=["TagAnnotation"], include=["TagAnnotation"])
    assert _left(store, ann, "TagAnnotation", "ImageAnnotationLink", "Image") == [0, 0, 1]


def test_images_of_a_plate_go_only_with_the_plate(store: Store, ann: Actor) -> None:
    """As in OMERO: to remove a fileset of a plate, both must be named."""
    images = [image("a"), image("b")]
    _save(store, ann, fileset(["a.flex"], images), plate("p", images))
    with pytest.raises(omero.ValidationException, match="WellSample"), store.write(ann) as work:
        work.delete("Fileset", [1])
    with store.write(ann) as work:
        work.delete_all({"Plate": [1], "Fileset": [1]})
    assert _left(store, ann, "Plate", "WellSample", "Image", "Fileset", "OriginalFile") == [0] * 5


def test_tags_of_others_stay(store: Store, ann: Actor, ben: Actor) -> None:
    _save(store, ben, text_annotation("Tag", "ben's"))
    tagged = image("a")
    _save(store, ann, tagged)
    store.ensure_group("lab", "rwra--")
    _save(store, ann, _link("ImageAnnotationLink", tagged.proxy(), proxy("TagAnnotation", 1)))
    with store.write(ann) as work:
        assert "TagAnnotation" not in work.delete("Image", [1]).ids
    assert _left(store, ann, "TagAnnotation") == [1]


def test_an_annotation_goes_with_its_links_and_file(store: Store, ann: Actor) -> None:
    attached = omero.model.FileAnnotationI()
    attached.setFile(original_file("table.csv"))
    annotated = image("a")
    annotated.linkAnnotation(attached)
    _save(store, ann, annotated)
    with store.write(ann) as work:
        deletion = work.delete("Annotation", [1])
    assert [unwrap(file.getName()) for file in deletion.files] == ["table.csv"]
    assert _left(store, ann, "Image", "ImageAnnotationLink", "FileAnnotation") == [1, 0, 0]


def test_a_link_goes_alone(store: Store, ann: Actor) -> None:
    dataset = named("Dataset", "D")
    dataset.linkImage(image("a"))
    _save(store, ann, dataset)
    with store.write(ann) as work:
        assert work.delete("DatasetImageLink", [1]).ids == {"DatasetImageLink": [1]}


def test_a_file_of_a_fileset_is_not_deleted_by_itself(store: Store, ann: Actor) -> None:
    _save(store, ann, fileset(["a.tif"], []))
    with pytest.raises(omero.ValidationException) as error, store.write(ann) as work:
        work.delete("OriginalFile", [1])
    assert "FilesetEntry[1]" in error.value.message


def test_references_that_may_be_empty_are_emptied(store: Store, ann: Actor) -> None:
    mask = omero.model.MaskI()
    mask.setPixels(image("a").getPrimaryPixels())
    roi = omero.model.RoiI()
    roi.addShape(mask)
    _save(store, ann, roi)
    with store.write(ann) as work:
        work.delete("Image", [1])
        assert work.get("Mask", 1).getPixels() is None


def test_only_what_is_theirs(store: Store, ann: Actor, ben: Actor) -> None:
    _save(store, ann, image("a"))
    with pytest.raises(omero.SecurityViolation), store.write(ben) as work:
        work.delete("Image", [1])
    _save(store, ben, named("Dataset", "ben's"))
    store.ensure_group("lab", "rwrw--")
    _save(store, ben, _link("DatasetImageLink", proxy("Dataset", 1), proxy("Image", 1)))
    store.ensure_group("lab", "rwr---")
    with store.write(ben) as work:
        assert "Image" not in work.delete("Dataset", [1]).ids
    assert _left(store, ann, "Image", "DatasetImageLink") == [1, 0]


def test_a_deletion_is_logged(store: Store, ann: Actor) -> None:
    _save(store, ann, named("Dataset", "D"))
    with store.write(ann) as work:
        work.delete("Dataset", [1])
    with store.read(ann) as work:
        found = work.projection(
            "select l.entityId from EventLog l where l.action = 'DELETE' "
            "and l.entityType = 'ome.model.containers.Dataset'"
        )
    assert found == [[rlong(1)]]


def test_what_does_not_exist_cannot_be_deleted(store: Store, ann: Actor) -> None:
    with pytest.raises(omero.ValidationException), store.write(ann) as work:
        work.delete("Image", [99])
    with pytest.raises(omero.ApiUsageException), store.write(ann) as work:
        work.delete("Imagery", [1])
