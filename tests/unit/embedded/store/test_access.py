from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import omero
import pytest
from omero.rtypes import rstring, unwrap

from omero_embedded.store import ALL_GROUPS, Actor, Store
from tests.unit.embedded.store.builders import image, named, original_file, proxy, text_annotation


@contextmanager
def refused(kind: type[Exception] = omero.SecurityViolation) -> Iterator[None]:
    with pytest.raises(kind):
        yield


@pytest.fixture
def owned(store: Store, ann: Actor) -> Actor:
    """Ann has Dataset 1 in `lab` and Dataset 2 in her private group."""
    private = store.actor("ann", "own")
    for actor in (ann, private):
        with store.write(actor) as work:
            work.save(named("Dataset", "D"))
    return private


def _seen(store: Store, actor: Actor) -> list[int]:
    with store.read(actor) as work:
        by_query = [unwrap(d.getId()) for d in work.query("from Dataset d order by d.id")]
        assert by_query == [unwrap(d.getId()) for d in work.find_by("Dataset")]
    return by_query


@pytest.mark.parametrize(
    ("user", "group", "expected"),
    [
        ("ann", "lab", [1]),
        ("ann", "own", [2]),
        ("ann", ALL_GROUPS, [1, 2]),
        ("ben", "lab", [1]),
        ("ben", ALL_GROUPS, [1]),
        ("zoe", "own", [2]),
        ("zoe", ALL_GROUPS, [1, 2]),
        ("root", "lab", [1]),
        ("root", None, []),
        ("root", ALL_GROUPS, [1, 2]),
        ("guest", ALL_GROUPS, []),
    ],
)
def test_who_sees_what(
    store: Store, owned: Actor, user: str, group: str | int | None, expected: list[int]
) -> None:
    assert _seen(store, store.actor(user, group)) == expected


def test_members_of_a_private_group_see_only_their_own(store: Store, owned: Actor) -> None:
    store.ensure_user("ben", "Ben", "B", ("own",))
    assert _seen(store, store.actor("ben", "own")) == []


def test_hidden_objects_are_not_available(store: Store, owned: Actor, ben: Actor) -> None:
    with store.read(ben.in_group(ALL_GROUPS)) as work:
        assert work.find("Dataset", 2) is None
        with refused(omero.ValidationException):
            work.get("Dataset", 2)
    link = omero.model.ProjectDatasetLinkI()
    link.setParent(named("Project", "P"))
    link.setChild(proxy("Dataset", 2))
    with refused(), store.write(ben) as work:
        work.save(link)


@pytest.mark.parametrize(
    ("permissions", "edits", "annotates"),
    [("rwr---", False, False), ("rwra--", False, True), ("rwrw--", True, True)],
)
def test_what_a_group_member_may_do(
    store: Store, owned: Actor, ben: Actor, permissions: str, edits: bool, annotates: bool
) -> None:
    store.ensure_group("lab", permissions)
    with store.read(ben) as work:
        dataset = work.get("Dataset", 1)
    granted = dataset.getDetails().getPermissions()
    assert str(granted) == permissions
    assert granted.canEdit() is granted.canLink() is granted.canDelete() is edits
    assert granted.canAnnotate() is annotates
    assert not granted.canChgrp()

    dataset.setName(rstring("renamed"))
    link = omero.model.DatasetAnnotationLinkI()
    link.setParent(proxy("Dataset", 1))
    link.setChild(text_annotation("Comment", "nice"))
    for change, allowed in ((dataset, edits), (link, annotates)):
        if allowed:
            with store.write(ben) as work:
                work.save(change)
        else:
            with refused(), store.write(ben) as work:
                work.save(change)


def test_owners_leaders_and_administrators_may_edit(store: Store, owned: Actor) -> None:
    for user in ("ann", "zoe", "root"):
        actor = store.actor(user, "lab")
        with store.write(actor) as work:
            dataset = work.get("Dataset", 1)
            assert dataset.getDetails().getPermissions().canEdit()
            dataset.setName(rstring(f"by {user}"))
            work.save(dataset)


def test_leaders_do_not_link_to_private_data(store: Store, owned: Actor) -> None:
    leader = store.actor("zoe", "own")
    with store.read(leader) as work:
        granted = work.get("Dataset", 2).getDetails().getPermissions()
    assert granted.canDelete()
    assert not granted.canLink()
    assert not granted.canAnnotate()


def test_objects_of_different_groups_are_not_linked(store: Store, ann: Actor, owned: Actor) -> None:
    link = omero.model.ProjectDatasetLinkI()
    link.setParent(named("Project", "P"))
    link.setChild(proxy("Dataset", 2))
    with refused(omero.GroupSecurityViolation), store.write(ann) as work:
        work.save(link)


def test_in_all_groups_a_link_is_made_where_its_ends_are(store: Store, owned: Actor) -> None:
    link = omero.model.ProjectDatasetLinkI()
    link.setParent(named("Project", "P"))
    link.setChild(proxy("Dataset", 2))
    with store.write(owned.in_group(ALL_GROUPS)) as work:
        work.save(link)
        assert unwrap(link.getParent().getDetails().getGroup().getId()) == owned.group_id
        with refused():
            work.save(named("Project", "nowhere"))


def test_only_administrators_make_users_or_set_owners(
    store: Store, ann: Actor, root: Actor
) -> None:
    with refused(), store.write(ann) as work:
        work.save(named("ExperimenterGroup", "g"))
    given = named("Dataset", "D")
    given.getDetails().setOwner(proxy("Experimenter", ann.user_id))
    with store.write(root.in_group(ann.group_id)) as work:
        work.save(given)
    assert unwrap(given.getDetails().getOwner().getId()) == ann.user_id
    taken = named("Dataset", "D")
    taken.getDetails().setOwner(proxy("Experimenter", 0))
    with refused(), store.write(ann) as work:
        work.save(taken)


def test_only_the_server_puts_files_into_repositories(store: Store, ann: Actor) -> None:
    with refused(), store.write(ann) as work:
        file = original_file("a.tif")
        file.setRepo(rstring("uuid"))
        work.save(file)
    with store.write(ann.as_server()) as work:
        file = original_file("a.tif")
        file.setRepo(rstring("uuid"))
        work.save(file)
    assert unwrap(file.getDetails().getOwner().getId()) == ann.user_id


def test_a_fetched_object_of_a_query_is_filtered_too(store: Store, ann: Actor) -> None:
    dataset = named("Dataset", "D")
    dataset.linkImage(image("a"))
    with store.write(ann) as work:
        work.save(dataset)
    store.ensure_group("lab", "rw----")
    with store.read(store.actor("ben")) as work:
        assert work.query("select l from DatasetImageLink l join fetch l.child") == []
        (row,) = work.projection("select count(i) from Image i")
    assert unwrap(row) == [0]


def test_actors(store: Store) -> None:
    ann = store.actor("ann")
    assert (ann.is_admin, ann.leader_of) == (False, frozenset())
    assert store.actor("root").is_admin
    assert store.actor("zoe").leader_of == {3, 4}
    assert store.actor(ann.user_id).user_id == ann.user_id
    for user, group in (("nobody", None), ("ben", "own"), ("ben", "nowhere")):
        with refused():
            store.actor(user, group)


def test_ensuring_users_and_groups_again_changes_only_what_differs(store: Store) -> None:
    first = store.ensure_user("ann", "Ann", "A", ("lab",))
    assert first == store.ensure_user("ann", "Other", "Name", ("third",))
    assert len(store.actor("ann").member_of) == 4
    group = store.ensure_group("lab", "rwrw--")
    assert group == store.ensure_group("lab", "rwrw--")
    with store.read(store.actor("root")) as work:
        permissions = work.get("ExperimenterGroup", group).getDetails().getPermissions()
        assert unwrap(work.get("Experimenter", first).getFirstName()) == "Ann"
    assert str(permissions) == "rwrw--"


def test_other_peoples_sessions_are_hidden(store: Store, ann: Actor, root: Actor) -> None:
    query = "select count(s) from Session s"
    with store.read(ann) as work:
        assert unwrap(work.projection(query)) == [[0]]
    with store.read(root) as work:
        assert unwrap(work.projection(query)) == [[1]]
