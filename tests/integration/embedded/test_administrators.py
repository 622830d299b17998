"""Restricted administrators, owners of groups, and sessions for others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import Ice
import omero
import pytest
from omero.rtypes import rstring, unwrap

from tests.fixtures.waiting import wait_until
from tests.integration.embedded.protocol import Rehearsal, begin, limit_session, rows

USERS = """
groups:
  lab: {permissions: rwr---}
  own: {permissions: rw----}
users:
  ann: {groups: [lab, own]}
  zoe: {groups: [lab], leads: [lab]}
  sue: {groups: [own], admin: true, privileges: [Sudo]}
  lou: {groups: [own], admin: true, privileges: [ModifyUser, ModifyGroupMembership]}
  all: {groups: [own], admin: true}
"""
Connect = Callable[..., Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    folder = tmp_path_factory.mktemp("omero")
    (folder / "users.yaml").write_text(USERS)
    running = Rehearsal(folder / "store")
    running.start("--users", str(folder / "users.yaml"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def connect(server: Rehearsal) -> Iterator[Connect]:
    clients = []

    def connect(user: str, password: str | None = None) -> Any:
        clients.append(server.connect(user, password))
        return clients[-1]

    yield connect
    for client in clients:
        client.closeSession()


def _become(client: Any, name: str, group: str = "", live: int = 0, idle: int = 60_000) -> str:
    principal = omero.sys.Principal(name, group, "User", None)
    service = client.sf.getSessionService()
    key: str = service.createSessionWithTimeouts(principal, live, idle).uuid.val
    return key


def _context(client: Any) -> Any:
    return client.sf.getAdminService().getEventContext()


def test_what_a_session_for_another_may_do(connect: Connect) -> None:
    sue = connect("sue")
    assert _context(sue).adminPrivileges == ["Sudo"]
    for name, group, is_admin, privileges in (
        ("ann", "lab", False, []),
        ("ann", "", False, []),
        ("all", "", True, ["Sudo"]),
    ):
        key = _become(sue, name, group)
        context = _context(connect(key, key))
        assert (context.userName, context.isAdmin) == (name, is_admin)
        assert context.adminPrivileges == privileges
        assert (context.sudoerName.val, context.groupName) == ("sue", group or context.groupName)
    again = _become(connect(key, key), "ann")
    assert _context(connect(again, again)).sudoerName.val == "sue"


def test_the_owner_of_a_group_becomes_its_members_there(connect: Connect) -> None:
    zoe = connect("zoe")
    key = _become(zoe, "ann", "lab")
    context = _context(connect(key, key))
    # Only in the groups that both are in.
    assert set(context.memberOfGroups) == set(_context(zoe).memberOfGroups)
    with pytest.raises(omero.SecurityViolation, match="Group sudo is not permitted for group own"):
        _become(zoe, "ann", "own")
    with pytest.raises(omero.SecurityViolation, match="Group sudo is not permitted"):
        _become(zoe, "root")


@pytest.mark.parametrize("user", ["ann", "lou"])
def test_without_the_right_nobody_is_become(connect: Connect, user: str) -> None:
    with pytest.raises(omero.SecurityViolation, match="Group sudo is not permitted"):
        _become(connect(user), "zoe", "lab")


@pytest.mark.parametrize(("name", "group"), [("nobody", ""), ("ann", "nowhere")])
def test_unknown_users_and_groups(connect: Connect, name: str, group: str) -> None:
    with pytest.raises(omero.AuthenticationException) as caught:
        _become(connect("sue"), name, group)
    assert caught.value.reason == "Error creating session."


def test_a_session_of_ones_own(connect: Connect, server: Rehearsal) -> None:
    ann = connect("ann")
    service = ann.sf.getSessionService()
    made = service.createUserSession(0, 5000, "own")
    assert (made.timeToLive.val, made.timeToIdle.val) == (0, 5000)
    key = made.uuid.val
    assert _context(connect(key, key)).groupName == "own"
    principal = omero.sys.Principal("ann", "lab", "User", None)
    by_password = service.createSession(principal, server.secret)
    assert by_password.uuid.val not in (key, ann.getSessionId())
    assert service.createSession(principal, key).uuid.val == key
    with pytest.raises(omero.AuthenticationException):
        service.createSession(principal, "wrong")
    assert unwrap(service.createUserSession(0, 0, "").timeToIdle) == 0
    assert service.closeSession(by_password) == -2
    assert service.closeSession(by_password) == -1


def test_a_live_session_ends_though_it_is_used(connect: Connect) -> None:
    sue = connect("sue")
    service = sue.sf.getSessionService()
    key = _become(sue, "ann", "lab", live=60_000)
    assert service.getSession(key).timeToLive.val == 60_000
    query = connect(key, key).sf.getQueryService()
    query.find("Experimenter", 0)
    limit_session(sue, key, live=1)
    with pytest.raises((omero.SessionException, Ice.ObjectNotExistException)):
        for _attempt in range(20):
            query.find("Experimenter", 0)
            time.sleep(0.1)

    def is_removed() -> bool:
        with pytest.raises(omero.SessionException) as said:
            service.getSession(key)
        return isinstance(said.value, omero.RemovedSessionException)

    wait_until(is_removed, "the session's removal")  # sooner it is said to have timed out
    with pytest.raises(omero.RemovedSessionException, match="No context for"):
        service.getSession(key)


def test_keeping_alive_holds_an_idle_session(connect: Connect) -> None:
    sue = connect("sue")
    service = sue.sf.getSessionService()
    kept, idle = (_become(sue, "ann", "lab") for _ in range(2))
    client = connect(kept, kept)
    for key in (kept, idle):
        limit_session(sue, key, idle=4000)

    def has_ended() -> bool:
        client.sf.keepAlive(None)
        try:
            service.getSession(idle)
        except omero.SessionException:
            return True
        return False

    wait_until(has_ended, "the end of the one that idles")
    assert service.getSession(kept).uuid.val == kept


def test_sessions_are_seen_by_who_opened_them(connect: Connect) -> None:
    sue = connect("sue")
    as_ann = _become(sue, "ann", "lab")
    own = connect("ann")
    query = "select s.uuid from Session s where s.closed is null"
    seen_by_ann = {row[0] for row in rows(own, query)}
    assert own.getSessionId() in seen_by_ann
    assert as_ann not in seen_by_ann
    assert {as_ann, sue.getSessionId()} <= {row[0] for row in rows(sue, query)}
    assert {as_ann, own.getSessionId()} <= {row[0] for row in rows(connect("all"), query)}
    mine = [row.uuid.val for row in own.sf.getSessionService().getMyOpenSessions()]
    assert own.getSessionId() in mine and as_ann not in mine


def test_groups_that_a_call_may_name(connect: Connect) -> None:
    ann = connect("ann")
    zoe = connect("zoe")
    groups = {g.name.val: g.id.val for g in ann.sf.getAdminService().lookupGroups()}
    dataset = omero.model.DatasetI()
    dataset.name = rstring("in own")
    own = {"omero.group": str(groups["own"])}
    saved = ann.sf.getUpdateService().saveAndReturnObject(dataset, own)
    assert saved.details.group.id.val == groups["own"]
    with pytest.raises(omero.SecurityViolation, match="is not a member of group"):
        zoe.sf.getQueryService().find("Dataset", saved.id.val, own)
    assert ann.sf.getQueryService().find("Dataset", saved.id.val, {"omero.group": "-1"})
    assert zoe.sf.getQueryService().find("Dataset", saved.id.val, {"omero.group": "-1"}) is None


def test_privileges_are_given_and_taken(connect: Connect) -> None:
    admin = connect("all").sf.getAdminService()
    user = omero.model.ExperimenterI()
    user.omeName, user.firstName, user.lastName = rstring("new"), rstring("N"), rstring("N")
    user.ldap = omero.rtypes.rbool(False)
    everything = admin.getCurrentAdminPrivileges()
    some = [p for p in everything if p.value.val in ("Chown", "ReadSession")]
    made = omero.model.ExperimenterI(admin.createRestrictedSystemUser(user, some), False)
    assert {p.value.val for p in admin.getAdminPrivileges(made)} == {"Chown", "ReadSession"}
    assert "new" in [e.omeName.val for e in admin.getAdminsWithPrivileges(some)]
    assert _context(connect("new")).adminPrivileges == ["Chown", "ReadSession"]
    lou = connect("lou").sf.getAdminService()
    with pytest.raises(omero.SecurityViolation, match="cannot give administrator privileges"):
        lou.setAdminPrivileges(made, everything)
    admin.setAdminPrivileges(made, [])
    assert _context(connect("new")).adminPrivileges == []
    groups = {g.name.val: g for g in admin.lookupGroups()}
    zoe = connect("zoe").sf.getAdminService()
    zoe.addGroups(made, [groups["lab"]])
    with pytest.raises(omero.SecurityViolation):
        zoe.addGroups(made, [groups["own"]])
    admin.setDefaultGroup(made, groups["lab"])
    assert admin.getDefaultGroup(made.id.val).name.val == "lab"


def test_an_import_needs_the_rights_of_its_group(connect: Connect, tmp_path: Path) -> None:
    source = tmp_path / "a.tif"
    source.write_bytes(b"x")
    lou = connect("lou")
    lab = {g.name.val: g.id.val for g in lou.sf.getAdminService().lookupGroups()}["lab"]
    lou.getImplicitContext().put("omero.group", str(lab))
    before = rows(lou, "select count(f) from Fileset f")
    with pytest.raises(omero.SecurityViolation):
        begin(lou, [source])
    assert rows(lou, "select count(f) from Fileset f") == before
