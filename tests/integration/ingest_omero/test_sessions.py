from __future__ import annotations

import json
from collections.abc import Callable

import omero.model
import omero.sys
import pytest
from omero.rtypes import rstring

from ingest.config import load
from ingest.fileset import StageError
from ingest.omero.session import SessionPool
from ingest.stages import importing
from tests.fixtures.waiting import wait_until
from tests.integration.ingest_omero.rig import Rig, Server, write_image

Environment = Callable[..., SessionPool]


@pytest.fixture
def log_in(server: Server, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """A pool that logs in to the server as to any other, by environment variables."""
    facts = json.loads((server.folder / "server.json").read_text())
    for name in ("OMERO_USER", "OMERO_PASSWORD", "OMERO_SESSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMERO_HOST", facts["host"])
    monkeypatch.setenv("OMERO_PORT", str(facts["port"]))

    def pool(secure: bool = True, **variables: str) -> SessionPool:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return SessionPool(load({"omero": {"embedded": False, "secure": secure}}))

    return pool


@pytest.fixture
def secret(server: Server) -> str:
    return (server.folder / "secret").read_text().strip()


def is_open(rig: Rig, session_id: int) -> bool:
    ((closed,),) = rig.omero.rows("select s.closed from Session s where s.id = :id", id=session_id)
    return closed is None


@pytest.mark.parametrize("secure", [True, False])
def test_a_login_of_ours_is_closed_at_the_end(
    rig: Rig, log_in: Environment, secret: str, secure: bool
) -> None:
    pool = log_in(secure, OMERO_USER="ada", OMERO_PASSWORD=secret)
    session = pool.get()
    assert (session.user, session.group) == ("ada", "demo")
    assert pool.get("ada", "demo") is session
    assert is_open(rig, session.id)
    pool.close()
    assert not is_open(rig, session.id)


def test_a_session_that_was_joined_stays_open(rig: Rig, log_in: Environment) -> None:
    key = rig.omero.client.getSessionId()
    pool = log_in(OMERO_SESSION=key)
    assert pool.get().id == rig.omero.id
    pool.close()
    assert is_open(rig, rig.omero.id)
    assert rig.omero.rows("select e.id from Experimenter e where e.omeName = :n", n="root")


def test_a_wrong_password_is_named_but_not_told(log_in: Environment) -> None:
    pool = log_in(OMERO_USER="ada", OMERO_PASSWORD="guess1")
    with pytest.raises(StageError, match="wrong user name or password") as error:
        pool.get()
    assert "ada" in error.value.cause
    assert "guess1" not in f"{error.value.cause} {error.value.remedy}"


def test_a_session_that_has_ended_is_named(log_in: Environment) -> None:
    with pytest.raises(StageError, match="has ended"):
        log_in(OMERO_SESSION="00000000-0000-0000-0000-000000000000").get()


def test_a_host_that_does_not_exist_is_named(log_in: Environment) -> None:
    pool = log_in(OMERO_USER="u", OMERO_PASSWORD="p", OMERO_HOST="no-such-host.invalid")
    with pytest.raises(StageError, match=r"no-such-host\.invalid:\d+ cannot be reached"):
        pool.get()


def test_another_group_of_ones_own(log_in: Environment, secret: str, rig: Rig) -> None:
    by_password = log_in(OMERO_USER="ada", OMERO_PASSWORD=secret)
    own = by_password.get()
    other = by_password.get("", "screening")
    assert (other.user, other.group) == ("ada", "screening")
    assert other.id != own.id
    by_key = log_in(OMERO_SESSION=own.client.getSessionId())
    third = by_key.get("ada", "screening")
    assert (third.user, third.group) == ("ada", "screening")
    by_key.close()
    assert not is_open(rig, third.id)
    assert is_open(rig, own.id)
    by_password.close()


def end(rig: Rig, key: str) -> None:
    """What the server does to a session that is idle for too long."""
    sessions = rig.omero.factory.getSessionService()
    ended = omero.model.SessionI()
    ended.setUuid(rstring(key))
    while sessions.closeSession(ended) > 0:
        pass


@pytest.mark.parametrize("place", [("", ""), ("", "screening"), ("grace", "demo")])
def test_a_session_that_has_ended_is_replaced(
    rig: Rig,
    log_in: Environment,
    secret: str,
    place: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = log_in(OMERO_USER="ada", OMERO_PASSWORD=secret)
    others = [pool.get(*other) for other in (("", ""), ("", "screening"), ("grace", "demo"))]
    first = pool.get(*place)
    end(rig, first.client.getSessionId())
    monkeypatch.setattr("ingest.omero.session.KEEP_ALIVE", -1)  # as if nobody had asked for long
    second = pool.get(*place)
    assert second is not first
    assert (second.user, second.group) == (first.user, first.group)
    assert second.rows("select e.id from Experimenter e where e.omeName = :n", n="root")
    assert [pool.get(*other) for other in (("", ""), ("", "screening"), ("grace", "demo"))] == [
        second if other is first else other for other in others
    ]
    pool.close()


def test_every_session_of_a_job_is_kept_alive(
    rig: Rig, log_in: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a job reads files without a word to the server."""
    monkeypatch.setattr("ingest.omero.session.KEEP_ALIVE", 0.5)
    ada = omero.sys.Principal("ada", "demo", "User", None)
    service = rig.omero.factory.getSessionService()
    # Sessions opened for others are idle as long as the one that opens them.
    opened = service.createSessionWithTimeouts(ada, 0, 5000)
    pool = log_in(OMERO_SESSION=opened.uuid.val)
    sessions = [pool.get(), pool.get("", "screening"), pool.get("grace", "demo")]
    forgotten = service.createSessionWithTimeouts(ada, 0, 5000)
    wait_until(lambda: not is_open(rig, forgotten.id.val), "the end of the one that idles")
    assert [is_open(rig, session.id) for session in sessions] == [True, True, True]
    assert [session.group for session in sessions] == ["demo", "screening", "demo"]
    pool.close()


def test_an_import_that_takes_too_long_goes_on_and_is_taken_over(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_image(rig.folder / "slow.tif")
    rig.add("slow", [source])
    rig.targets()
    # The server has to be slower than the first look at its answer.
    monkeypatch.setattr("ingest.omero.importer.wait", lambda _handle, _deadline: None)
    late = rig.run(importing.STAGE, rig.checksum())["slow"]
    assert late.status == "unfinished"
    assert "still being imported" in late.cause
    monkeypatch.undo()
    rig.close()
    rig.context = rig.new_context()
    record = rig.import_all()["slow"]
    assert record.status == "ok", record.cause
    assert len(rig.links_to(source)) == 1
