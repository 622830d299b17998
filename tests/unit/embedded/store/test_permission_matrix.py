"""Who may do what to somebody's data, in each type of group: as flags, and as done."""

from __future__ import annotations

from collections.abc import Callable

import omero
import pytest
from omero.rtypes import rstring

from omero_embedded.store import Actor, Store, Work
from omero_embedded.store.actor import PRIVILEGES
from tests.unit.embedded.store.builders import named, proxy, text_annotation

EVERYTHING = "see annotate link edit delete"
# role -> what it may do to ann's Dataset in a group of that type. Restricted administrators are
# in no group but `system`, and named by the privileges they have.
MATRIX = {
    "rw----": {
        "ann": EVERYTHING,
        "member": "",
        "owner of the group": "see edit delete",
        "root": "see edit delete",
        "stranger": "",
        "admin with all": "see edit delete",
        "admin with none": "see",
        "admin with WriteOwned": "see edit",
        "admin with DeleteOwned": "see delete",
    },
    "rwr---": {
        "ann": EVERYTHING,
        "member": "see",
        "owner of the group": EVERYTHING,
        "root": EVERYTHING,
        "stranger": "",
        "admin with all": EVERYTHING,
        "admin with none": "see",
        "admin with Sudo": "see",
        "admin with WriteOwned": "see annotate link edit",
        "admin with DeleteOwned": "see delete",
        "admin with WriteManagedRepo": "see",
    },
    "rwra--": {
        "ann": EVERYTHING,
        "member": "see annotate",
        "owner of the group": EVERYTHING,
        "root": EVERYTHING,
        "stranger": "",
        "admin with none": "see",
        "admin with WriteOwned": "see annotate link edit",
    },
    "rwrw--": {
        "ann": EVERYTHING,
        "member": EVERYTHING,
        "owner of the group": EVERYTHING,
        "root": EVERYTHING,
        "stranger": "",
        "admin with none": "see",
        "admin with DeleteOwned": "see delete",
    },
}
CASES = [(group, role) for group, roles in MATRIX.items() for role in roles]


def _actor(store: Store, role: str) -> Actor:
    everywhere = {"root": "root", "ann": "ann", "member": "ben", "owner of the group": "zoe"}
    if role.startswith("admin"):
        words = role.removeprefix("admin with ").split()
        privileges = {"all": PRIVILEGES, "none": frozenset()}.get(words[0], frozenset(words))
        store.ensure_user("adam", "A", "B", ("elsewhere",), is_admin=True, privileges=privileges)
        return store.actor("adam", "lab")
    if role == "stranger":
        store.ensure_user("eve", "E", "F", ("elsewhere",))
        return store.actor("eve", -1)
    return store.actor(everywhere[role], "lab")


@pytest.fixture
def dataset(store: Store, ann: Actor) -> int:
    with store.write(ann) as work:
        return int(work.save(named("Dataset", "D")).getId().getValue())


def _annotate(work: Work, dataset: int) -> None:
    link = omero.model.DatasetAnnotationLinkI()
    link.setParent(proxy("Dataset", dataset))
    link.setChild(text_annotation("Comment", "nice"))
    work.save(link)


def _link(work: Work, dataset: int) -> None:
    link = omero.model.ProjectDatasetLinkI()
    link.setParent(named("Project", "P"))
    link.setChild(proxy("Dataset", dataset))
    work.save(link)


def _edit(work: Work, dataset: int) -> None:
    found = work.get("Dataset", dataset)
    found.setDescription(rstring("changed"))
    work.save(found)


def _delete(work: Work, dataset: int) -> None:
    work.delete("Dataset", [dataset])


ACTS: dict[str, Callable[[Work, int], None]] = {
    "annotate": _annotate,
    "link": _link,
    "edit": _edit,
    "delete": _delete,
}


def _done(store: Store, actor: Actor, dataset: int) -> list[str]:
    """What the actor could do, each act tried in a transaction of its own."""
    done = []
    for name, act in ACTS.items():
        try:
            with store.write(actor) as work:
                act(work, dataset)
        except (omero.SecurityViolation, omero.ValidationException):
            continue
        done.append(name)
    return done


@pytest.mark.parametrize(("permissions", "role"), CASES)
def test_the_matrix(store: Store, dataset: int, permissions: str, role: str) -> None:
    store.ensure_group("lab", permissions)
    expected = MATRIX[permissions][role].split()
    actor = _actor(store, role)
    with store.read(actor) as work:
        found = work.find("Dataset", dataset)
    assert (found is not None) == ("see" in expected)
    if found is not None:
        flags = found.getDetails().getPermissions()
        allowed = {
            "annotate": flags.canAnnotate(),
            "link": flags.canLink(),
            "edit": flags.canEdit(),
            "delete": flags.canDelete(),
        }
        assert [name for name, is_allowed in allowed.items() if is_allowed] == expected[1:]
    assert _done(store, actor, dataset) == expected[1:]


@pytest.mark.parametrize(
    ("role", "moves", "gives"),
    [
        ("ann", True, False),
        ("member", False, False),
        ("owner of the group", False, True),
        ("root", True, True),
        ("admin with none", False, False),
        ("admin with Chgrp", True, False),
        ("admin with Chown", False, True),
    ],
)
def test_who_may_move_and_give(
    store: Store, dataset: int, role: str, moves: bool, gives: bool
) -> None:
    actor = _actor(store, role)
    with store.read(actor) as work:
        flags = work.get("Dataset", dataset).getDetails().getPermissions()
        of_a_type_that_stays = work.get("Experimenter", 0).getDetails().getPermissions()
    assert (flags.canChgrp(), flags.canChown()) == (moves, gives)
    assert not of_a_type_that_stays.canChgrp() and not of_a_type_that_stays.canChown()


@pytest.mark.parametrize(
    ("privilege", "makes"),
    [
        ("ModifyUser", "Experimenter"),
        ("ModifyGroup", "ExperimenterGroup"),
        ("ModifyGroupMembership", ""),
        ("WriteOwned", ""),
    ],
)
def test_restricted_administrators_of_users_and_groups(
    store: Store, privilege: str, makes: str
) -> None:
    actor = _actor(store, f"admin with {privilege}").in_group(0)
    group = named("ExperimenterGroup", "new")
    user = omero.model.ExperimenterI()
    user.setOmeName(rstring("new"))
    user.setFirstName(rstring("N"))
    user.setLastName(rstring("N"))
    for account in (group, user):
        account.setLdap(omero.rtypes.rbool(False))
    for kind, account in (("ExperimenterGroup", group), ("Experimenter", user)):
        try:
            with store.write(actor) as work:
                work.save(account)
            is_made = True
        except omero.SecurityViolation:
            is_made = False
        assert is_made == (kind == makes)


def test_who_becomes_another_gains_nothing(store: Store) -> None:
    store.ensure_user(
        "adam", "A", "B", ("elsewhere",), is_admin=True, privileges=frozenset(["Sudo"])
    )
    adam, ben = (store.actor(name).user_id for name in ("adam", "ben"))
    as_root = store.actor("root", "system", sudoer_id=adam)
    assert (as_root.is_admin, as_root.privileges) == (True, {"Sudo"})
    assert as_root.real_user_id == adam
    as_ann = store.actor("ann", "lab", sudoer_id=adam)
    assert as_ann.member_of == store.actor("ann").member_of
    zoe_by_ben = store.actor("zoe", "lab", sudoer_id=ben)
    assert zoe_by_ben.leader_of == frozenset()
    assert zoe_by_ben.member_of == store.actor("ben").member_of
