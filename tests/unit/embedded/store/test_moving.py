from __future__ import annotations

from typing import Any

import omero
import pytest
from omero.rtypes import unwrap

from omero_embedded.store import ALL_GROUPS, Actor, Store
from tests.unit.embedded.store.builders import fileset, image, named, proxy, text_annotation


@pytest.fixture
def rig(store: Store, ann: Actor) -> dict[str, int]:
    """Ann's Dataset D with the images of a fileset, tagged; its image `b` is in Dataset E too."""
    dataset, other = named("Dataset", "D"), named("Dataset", "E")
    images = [image("a"), image("b")]
    dataset.linkAnnotation(text_annotation("Tag", "mine"))
    for each in images:
        dataset.linkImage(each)
    with store.write(ann) as work:
        made = work.save(dataset)
        work.save(other)
        work.save(fileset(["a.tif"], images))
    return {"D": unwrap(made.getId()), "E": unwrap(other.getId()), "a": unwrap(images[0].getId())}


def _groups(store: Store, hql: str) -> list[Any]:
    with store.read(store.actor("root", ALL_GROUPS)) as work:
        return [unwrap(row)[0] for row in work.projection(hql)]


def test_a_dataset_moves_with_all_that_is_its(
    store: Store, ann: Actor, rig: dict[str, int]
) -> None:
    own = store.actor("ann", "own").group_id
    with store.write(ann.in_group(ALL_GROUPS)) as work:
        planned = work.move({"Dataset": [rig["D"]]}, own, dry_run=True)
    assert set(_groups(store, "select i.details.group.id from Image i")) == {ann.group_id}
    with store.write(ann.in_group(ALL_GROUPS)) as work:
        change = work.move({"Dataset": [rig["D"]]}, own)
    assert change == planned
    assert change.deleted == {}
    for kind in ("Image", "Pixels", "Channel", "Fileset", "FilesetEntry", "OriginalFile"):
        groups = set(_groups(store, f"select o.details.group.id from {kind} o"))
        assert groups - {1} == {own}, kind
    assert _groups(store, "select t.details.group.id from TagAnnotation t") == [own]
    assert _groups(store, "select l.details.group.id from DatasetImageLink l") == [own, own]
    stays = f"select d.details.group.id from Dataset d where d.id = {rig['E']}"
    assert _groups(store, stays) == [ann.group_id]


def test_a_fileset_is_not_torn_apart(store: Store, ann: Actor, rig: dict[str, int]) -> None:
    own = store.actor("ann", "own").group_id
    with pytest.raises(omero.ValidationException, match="may not move Image"):  # noqa: SIM117
        with store.write(ann.in_group(ALL_GROUPS)) as work:
            work.move({"Image": [rig["a"]]}, own)


def test_a_link_between_groups_goes(store: Store, ann: Actor) -> None:
    project, dataset = named("Project", "P"), named("Dataset", "D")
    project.linkDataset(dataset)
    with store.write(ann) as work:
        work.save(project)
    own = store.actor("ann", "own").group_id
    with store.write(ann.in_group(ALL_GROUPS)) as work:
        change = work.move({"Dataset": [unwrap(dataset.getId())]}, own)
    assert list(change.deleted) == ["ProjectDatasetLink"]
    assert _groups(store, "select l.id from ProjectDatasetLink l") == []


def test_who_moves_and_who_gives(store: Store, ann: Actor, ben: Actor, rig: dict[str, int]) -> None:
    target = {"Dataset": [rig["D"]]}
    own = store.actor("ann", "own").group_id
    refused = omero.SecurityViolation
    for user, group in (("ben", ann.group_id), ("zoe", own), ("ben", own)):
        actor = store.actor(user, ALL_GROUPS)
        with pytest.raises(refused), store.write(actor) as work:
            work.move(target, group)
    for user in ("ann", "ben"):
        actor = store.actor(user, ALL_GROUPS)
        with pytest.raises(refused), store.write(actor) as work:
            work.give(target, ben.user_id, ben.member_of)
    with store.write(store.actor("zoe", ALL_GROUPS)) as work:
        change = work.give(target, ben.user_id, ben.member_of)
    assert change.deleted == {}
    owners = set(_groups(store, "select i.details.owner.id from Image i"))
    assert owners == {ben.user_id}
    with pytest.raises(omero.ValidationException), store.write(ann) as work:
        work.give({"Experimenter": [0]}, ben.user_id, ben.member_of)


def test_another_persons_images_stay_when_a_dataset_is_given(
    store: Store, ann: Actor, ben: Actor, root: Actor
) -> None:
    store.ensure_group("lab", "rwrw--")
    dataset = named("Dataset", "D")
    with store.write(ann) as work:
        work.save(dataset)
    link = omero.model.DatasetImageLinkI()
    link.setParent(proxy("Dataset", unwrap(dataset.getId())))
    link.setChild(image("ben's"))
    with store.write(ben) as work:
        work.save(link)
    zoe = store.actor("zoe")
    with store.write(root.in_group(ALL_GROUPS)) as work:
        work.give({"Dataset": [unwrap(dataset.getId())]}, zoe.user_id, zoe.member_of)
    assert _groups(store, "select d.details.owner.id from Dataset d") == [zoe.user_id]
    assert _groups(store, "select i.details.owner.id from Image i") == [ben.user_id]
    assert len(_groups(store, "select l.id from DatasetImageLink l")) == 1
