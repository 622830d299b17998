"""Logging in, working for others, and what becomes of sessions whose client is gone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import Glacier2
import Ice
import omero
import omero.all
import pytest
from omero.rtypes import rlong

from tests.fixtures.waiting import wait_until
from tests.integration.embedded import protocol as speak

ABANDON = """
import sys, omero.clients
client = omero.client("127.0.0.1", int(sys.argv[1]))
client.createSession("ada", sys.stdin.readline().strip())
print(client.sf.getAdminService().getEventContext().sessionId, flush=True)
sys.stdin.read()
"""


def test_only_the_secret_opens_the_door(server: Any) -> None:
    for user, password in (("ada", "ada"), ("root", "omero"), ("nobody", server.secret)):
        with pytest.raises(Glacier2.PermissionDeniedException):
            server.connect(user, password)
    assert server.secret not in (server.folder / "server.log").read_text()
    assert (server.folder / "secret").stat().st_mode & 0o777 == 0o600


def test_guests_see_that_there_is_a_server_and_nothing_else(server: Any) -> None:
    guest = server.connect("guest", "any password")
    assert guest.sf.getConfigService().getVersion()
    assert guest.sf.getAdminService().getEventContext().userName == "guest"
    for service in ("getQueryService", "getUpdateService", "sharedResources"):
        with pytest.raises(omero.SecurityViolation):
            getattr(guest.sf, service)()
    with pytest.raises(omero.SecurityViolation):
        guest.sf.createRawFileStore()
    with pytest.raises(omero.CmdError, match="guest-restriction"):
        guest.submit(omero.cmd.CurrentSessionsRequest())
    guest.closeSession()


def test_it_says_what_it_is_for(server: Any) -> None:
    assert "rehearsal" in server.greeting
    assert server.facts["host"] == "127.0.0.1"


def test_a_session_is_joined_by_its_uuid_and_over_once_closed(server: Any) -> None:
    first = server.connect("ada")
    uuid = first.getSessionId()
    second = omero.client("127.0.0.1", server.facts["port"])
    second.joinSession(uuid)
    assert second.getSessionId() == uuid
    first.closeSession()
    assert second.sf.getAdminService().getEventContext().userName == "ada"
    second.closeSession()
    with pytest.raises(Glacier2.PermissionDeniedException):
        server.connect(uuid, uuid)


def test_a_killed_clients_session_is_closed_in_the_store(server: Any, ada: Any) -> None:
    hql = "select s.closed from Session s where s.id = :id"
    with subprocess.Popen(
        [sys.executable, "-c", ABANDON, str(server.facts["port"])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        assert client.stdin is not None and client.stdout is not None
        client.stdin.write(f"{server.secret}\n")
        client.stdin.flush()
        number = int(client.stdout.readline())
        assert speak.rows(ada, hql, id=number) == [[None]]
        client.kill()
    wait_until(lambda: speak.rows(ada, hql, id=number) != [[None]], "the session's end")


def test_an_idle_session_ends_and_says_so(server: Any, ada: Any) -> None:
    service = ada.sf.getSessionService()
    short = service.createUserSession(0, 60_000, "demo")
    joined = omero.client("127.0.0.1", server.facts["port"])
    joined.joinSession(short.uuid.val)
    query = joined.sf.getQueryService()
    query.find("Image", -1)
    speak.limit_session(ada, short.uuid.val, idle=1)
    with pytest.raises((Ice.ObjectNotExistException, omero.SessionException)):
        for _attempt in range(20):
            time.sleep(0.1)
            query.find("Image", -1)
    joined.__del__()


def test_administrators_become_others_and_users_do_not(server: Any, ada: Any) -> None:
    principal = omero.sys.Principal(name="grace", group="demo", eventType="User")
    root = server.connect("root")
    session = root.sf.getSessionService().createSessionWithTimeouts(principal, 0, 60000)
    grace = omero.client("127.0.0.1", server.facts["port"])
    grace.joinSession(session.uuid.val)
    context = grace.sf.getAdminService().getEventContext()
    assert (context.userName, context.groupName) == ("grace", "demo")
    with pytest.raises(omero.SecurityViolation, match="sudo"):
        principal = omero.sys.Principal(name="ada", group="demo", eventType="User")
        grace.sf.getSessionService().createSessionWithTimeouts(principal, 0, 60000)
    grace.closeSession()
    root.closeSession()
    # Ada leads the demo group.
    principal = omero.sys.Principal(name="grace", group="demo", eventType="User")
    assert ada.sf.getSessionService().createSessionWithTimeout(principal, 5000).uuid.val


def test_a_call_names_its_group_by_context(ada: Any) -> None:
    admin, query = ada.sf.getAdminService(), ada.sf.getQueryService()
    screening = admin.lookupGroup("screening").id.val
    context = admin.getEventContext({"omero.group": str(screening)})
    assert context.groupName == "screening"
    hidden = admin.lookupGroup("private-lab").id.val
    with pytest.raises(omero.SecurityViolation):
        query.findAllByQuery("from Image", None, {"omero.group": str(hidden)})
    # Clients that log in to a group by name go on sending the name.
    assert admin.getEventContext({"omero.group": "demo"}).groupName == "demo"


def test_what_is_not_there_says_its_name(ada: Any) -> None:
    with pytest.raises(omero.ApiUsageException, match=r"ITimeline.getMostRecentObjects"):
        ada.sf.getTimelineService().getMostRecentObjects(["Image"], None, False)
    with pytest.raises(omero.CmdError) as caught:
        ada.submit(omero.cmd.Duplicate(targetObjects={"Image": [1]}))
    assert caught.value.err.name == "unknown-request"
    with pytest.raises(omero.ApiUsageException, match="no service"):
        ada.sf.getByName("omero.api.INothing")


def test_services_are_listed_kept_alive_and_closed(ada: Any) -> None:
    store = ada.sf.createRawFileStore()
    name = store.ice_getIdentity().name
    assert name in ada.sf.activeServices()
    assert ada.sf.keepAlive(store)
    assert ada.sf.keepAllAlive([store]) == 0
    store.close()
    assert name not in ada.sf.activeServices()
    assert not ada.sf.keepAlive(store)
    with pytest.raises(Ice.ObjectNotExistException):
        store.size()


def test_what_clients_used_is_taken_down(ada: Any, server: Any) -> None:
    """A server that runs for weeks must not keep what nobody uses any more."""
    before = ada.sf.activeServices()
    for _ in range(20):
        ada.sf.createRawFileStore().close()
        ada.submit(omero.cmd.DoAll()).close(True)
    assert ada.sf.activeServices() == before
    other = server.connect("grace")
    left_open = [other.sf.createThumbnailStore() for _ in range(5)]
    proxies = [p.ice_router(None).ice_toString() for p in left_open]
    other.closeSession()
    for text in proxies:
        with pytest.raises(Ice.ObjectNotExistException):
            ada.ic.stringToProxy(text).ice_ping()


def test_without_ssl_too(server: Any) -> None:
    client = omero.client(f"tcp://127.0.0.1:{server.facts['tcp_port']}")
    client.createSession("grace", server.secret)
    insecure = client.sf.getConfigService().getConfigValue("omero.router.insecure")
    assert str(server.facts["tcp_port"]) in insecure
    client.closeSession()


def test_attachments_are_uploaded_and_downloaded(ada: Any, tmp_path: Path) -> None:
    source, back = tmp_path / "notes.txt", tmp_path / "back.txt"
    source.write_text("ätzend\n" * 1000)
    row = ada.upload(str(source))
    assert row.size is None or row.size.val in (0, source.stat().st_size)
    ada.download(omero.model.OriginalFileI(row.id.val, False), str(back))
    assert back.read_bytes() == source.read_bytes()
    stored = ada.sf.getQueryService().get("OriginalFile", row.id.val)
    assert stored.size == rlong(source.stat().st_size)
