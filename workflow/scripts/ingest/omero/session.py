"""Sessions with an OMERO server: one per user and group, kept alive, closed at the end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import Ice
import omero
import omero.all
import omero.clients
import omero.sys
from omero.clients import Glacier2  # omero loads it anew: imported first, it is another
from omero.rtypes import rlist, rlong, rstring, unwrap

from ingest.config import Config
from ingest.fileset import StageError
from ingest.omero.accounts import check_account, session_for
from ingest.omero.errors import (
    LOST_CONNECTION,
    NOT_UNDERSTOOD,
    RUN_AGAIN,
    LostConnection,
    Passing,
    lost_connection,
    refused,
)
from ingest.omero.login import Login, find_login

KEEP_ALIVE = 60  # seconds; OMERO closes a session that is idle for ten minutes
ANSWER = 60.0  # seconds that a server that is there may take to say so
RETRY_AFTER = 5.0  # seconds before an unreachable server is tried again
_PORTS = (
    "OMERO's port for encrypted connections is 4064. For unencrypted ones it is 4063, and its host "
    "is written like tcp://omero.example.org."
)
# Seconds between two looks at a running command: at first, and at most. Looking costs no more than
# being called back, and works where the server cannot reach the client too.
_POLL_FIRST, _POLL_LONGEST = 0.02, 5.0

log = logging.getLogger("ingest")

Value = int | str | list[int] | list[str]


class Session:
    """An open session as one user in one group. Everything it creates is of that group.

    `id` is the session's database id, which tells nothing that could open it; `database` is the
    UUID of the server's database, whatever address led there. Safe to use from several threads.
    """

    def __init__(self, client: Any, is_ours: bool, server: str) -> None:
        self.client = client
        self.server = server
        self.factory = client.getSession()
        event = self.factory.getAdminService().getEventContext()
        self.id: int = event.sessionId
        self.user: str = event.userName
        self.group: str = event.groupName
        self.database: str = self.factory.getConfigService().getDatabaseUuid()
        self.query = self.factory.getQueryService()
        self.update = self.factory.getUpdateService()
        self._is_ours = is_ours
        self._outlives_us = False
        self._asked = time.monotonic()
        self._ended = threading.Event()
        threading.Thread(
            target=_keep_alive, args=(self.factory, self._ended), name="keep alive", daemon=True
        ).start()

    def context(self, **extra: str) -> dict[str, str]:
        """A call context for this session; one passed explicitly replaces the implicit one."""
        return {**self.client.getContext(), **extra}

    @property
    def all_groups(self) -> dict[str, str]:
        return self.context(**{"omero.group": "-1"})

    def rows(self, hql: str, **values: Value) -> list[list[Any]]:
        """The rows of a projection, in all groups the user can read, as plain Python values."""
        return [
            [unwrap(value) for value in row]
            for row in self.query.projection(hql, _parameters(values), self.all_groups)
        ]

    def pages(self, hql: str, size: int = 5_000, **values: Value) -> Iterator[list[Any]]:
        """`rows`, however many there are, `size` at a time.

        The query selects an id first, orders by it, and asks for those greater than `:last`.
        """
        last = -1
        while True:
            parameters = _parameters({**values, "last": last})
            parameters.page(0, size)
            answer = self.query.projection(hql, parameters, self.all_groups)
            for row in answer:
                yield [unwrap(value) for value in row]
            if len(answer) < size:
                return
            last = unwrap(answer[-1][0])

    def objects(self, hql: str, **values: Value) -> list[Any]:
        """Model objects, of the session's own group only."""
        return list(self.query.findAllByQuery(hql, _parameters(values), self.context()))

    def save(self, objects: list[Any]) -> list[Any]:
        """Saves a graph of objects in one transaction; the saved ones, with their ids."""
        return list(self.update.saveAndReturnArray(objects, self.context()))

    def submit(self, request: Any) -> Any:
        """The response to a command (omero.cmd.Request), which may be an ERR."""
        handle = self.factory.submit(request)
        try:
            return wait(handle)
        finally:
            handle.close()

    def check_open(self) -> None:
        """Raises one of LOST_CONNECTION when the session has ended while nobody used it."""
        if time.monotonic() - self._asked > KEEP_ALIVE:
            self.factory.keepAlive(None)
        self._asked = time.monotonic()

    def outlive_us(self) -> None:
        """Leave the session open at the end: the server still works for it."""
        self._outlives_us = True

    def close(self) -> None:
        self._ended.set()
        try:
            if self._is_ours and not self._outlives_us:
                self.client.killSession()
            else:
                self.factory.detachOnDestroy()
                self.client.closeSession()
        except Exception as error:  # a session that cannot be closed times out by itself
            # Only the kind: Ice's words for it may name the session by its key.
            log.warning("could not close the OMERO session %s: %s", self.id, type(error).__name__)


def _keep_alive(factory: Any, ended: threading.Event) -> None:
    """Keeps a session open, and breaks its connection when the server says nothing any more.

    Calls may take hours, so they have no time limit; what waits for one on a connection that leads
    nowhere (a cable, a firewall that forgot it) would wait for ever.
    """
    question = factory.ice_invocationTimeout(int(ANSWER * 1000))
    while not ended.wait(KEEP_ALIVE):
        try:
            question.keepAlive(None)
        except Ice.InvocationTimeoutException:
            log.warning("OMERO has not answered for %.0f s: the connection is closed", ANSWER)
            connection = factory.ice_getCachedConnection()
            if connection:
                connection.close(True)
        except Exception as error:  # whoever uses the session meets it too, and deals with it
            log.info("an OMERO session could not be kept alive: %s", type(error).__name__)


def wait(handle: Any, deadline: float | None = None) -> Any:
    """The response of a running command, or None when `deadline` (of time.monotonic) passed."""
    began = time.monotonic()
    while (response := handle.getResponse()) is None:
        now = time.monotonic()
        if deadline is not None and now > deadline:
            return None
        # What has taken long may take longer: a quarter of it is soon enough to know.
        time.sleep(min(_POLL_FIRST + (now - began) / 4, _POLL_LONGEST))
    return response


def _parameters(values: dict[str, Value]) -> Any:
    parameters = omero.sys.ParametersI()
    for name, value in values.items():
        if isinstance(value, list):
            parameters.add(name, rlist([_rtype(item) for item in value]))
        else:
            parameters.add(name, _rtype(value))
    return parameters


def _rtype(value: int | str) -> Any:
    return rlong(value) if isinstance(value, int) else rstring(value)


class SessionPool:
    """The sessions of one job. The one that logs in may open others for other users and groups."""

    def __init__(self, config: Config) -> None:
        self._options = config.omero
        self._lock = threading.RLock()
        self._login: Login | None = None
        self._main: Session | None = None
        self._others: dict[tuple[str, str], Session] = {}
        self._dropped: list[Session] = []
        self._unreachable: tuple[float, LostConnection] | None = None

    @contextmanager
    def using(self, user: str = "", group: str = "") -> Iterator[Session]:
        """The session of this user and group ("" is the login's own), for a block that uses it.

        OMERO's exceptions leave the block as StageError. After a lost connection the next use
        connects anew.
        """
        try:
            session = self.get(user, group)
        except omero.ServerError as error:
            raise refused(error) from error
        try:
            yield session
        except NOT_UNDERSTOOD as error:
            raise refused(error) from error
        except LOST_CONNECTION as error:
            self._drop(session)
            raise lost_connection(error, session.server) from error
        except omero.ServerError as error:
            raise refused(error) from error

    def get(self, user: str = "", group: str = "") -> Session:
        """As `using`, for those who know what to do with OMERO's exceptions."""
        with self._lock:
            if self._unreachable and time.monotonic() - self._unreachable[0] < RETRY_AFTER:
                raise self._unreachable[1]
            try:
                try:
                    session = self._find(user, group)
                except LOST_CONNECTION:
                    if self._main is not None:
                        self._drop(self._main)
                    session = self._find(user, group)
            except LOST_CONNECTION as error:
                server = self._login.server if self._login else "its host"
                reason = LostConnection(
                    f"OMERO at {server} cannot be reached ({type(error).__name__})",
                    f"Check that the server is up, and OMERO_HOST and OMERO_PORT. {_PORTS} "
                    f"{RUN_AGAIN}.",
                    since=self._unreachable[1].since if self._unreachable else None,
                )
                self._unreachable = (time.monotonic(), reason)
                raise reason from error
            self._unreachable = None
            return session

    def release(self, user: str, group: str) -> None:
        """Closes the session of this user and group, which nobody uses any more.

        The one that logged in stays. For a job that goes through many users.
        """
        with self._lock:
            session = self._others.pop((user, group), None)
        if session:
            session.close()

    def close(self) -> None:
        with self._lock:
            sessions = [*self._dropped, *self._others.values(), *filter(None, [self._main])]
            self._dropped, self._others, self._main = [], {}, None
        for session in sessions:
            session.close()

    def _find(self, user: str, group: str) -> Session:
        self._drop_if_ended(self._main)
        if self._main is None:
            self._login = find_login(self._options)
            self._main = _open(self._login)
        main = self._main
        same_user = user in ("", main.user)
        if same_user and group in ("", main.group):
            return main
        key = (main.user if same_user else user, group)
        self._drop_if_ended(self._others.get(key))
        if key not in self._others:
            assert self._login is not None
            self._others[key] = _open_other(self._login, main, *key)
        return self._others[key]

    def _drop_if_ended(self, session: Session | None) -> None:
        if session is None:
            return
        try:
            session.check_open()
        except LOST_CONNECTION:
            self._drop(session)

    def _drop(self, session: Session) -> None:
        # Closed only at the end: other threads may still be at work with it.
        with self._lock:
            if session not in self._dropped:
                self._dropped.append(session)
            if self._main is session:
                self._main = None
            self._others = {key: kept for key, kept in self._others.items() if kept is not session}


def _open(login: Login) -> Session:
    name = login.password if login.is_session else login.user
    try:
        return _connect(login, name, login.password, is_ours=not login.is_session)
    except Glacier2.PermissionDeniedException:
        if login.is_session:
            raise StageError(
                f"the OMERO session for {login.server} has ended",
                "Log in again with `omero login`, or set OMERO_SESSION to a running session.",
            ) from None
        raise StageError(
            f"OMERO at {login.server} refused user {login.user}: wrong user name or password",
            "Check OMERO_USER and OMERO_PASSWORD.",
        ) from None
    except Ice.ProtocolException as error:
        if not _no_tls(error):
            raise
        raise StageError(
            f"OMERO at {login.server} does not take encrypted connections: what answers there is "
            "another program, or OMERO's port for unencrypted ones",
            _PORTS,
        ) from None
    except omero.ClientError as error:
        # omero.client has waited and tried again: who answers is no OMERO, or no one does.
        raise Passing(
            f"what answers at {login.server} is not an OMERO server, or does not answer in time "
            f"({error})",
            f"Check OMERO_HOST and OMERO_PORT. {_PORTS}",
        ) from None
    except Glacier2.CannotCreateSessionException as error:
        # A server that starts, or has too many logins at once, opens none for a while.
        raise Passing(
            f"OMERO at {login.server} opened no session: {error.reason}",
            f"{RUN_AGAIN}; if it happens again, ask the server's administrator.",
            back_off=getattr(error, "backOff", 0) / 1000,
        ) from None


def _connect(login: Login, name: str, password: str, is_ours: bool, group: str = "") -> Session:
    # A client configures the root logger unless it has a handler; the log is ours to configure.
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    properties = login.address.properties()
    if group:
        properties["omero.group"] = group
    client = omero.client(pmap=properties)
    try:
        client.setAgent("omero-ingest")
        client.createSession(name, password)
        if not login.secure and login.address.protocol == "ssl":
            client.getSession().detachOnDestroy()
            plain = client.createClient(False)
            client.closeSession()
            client = plain
        # The group's name is for the login only: in later calls it would have to be an id.
        if group:
            client.getImplicitContext().remove("omero.group")
        return Session(client, is_ours, login.server)
    except BaseException:
        _abandon(client)
        raise


def _abandon(client: Any) -> None:
    try:
        client.closeSession()
    except Ice.Exception as error:  # as unreachable as it was for what failed before
        log.info("a connection that failed was not closed in order: %s", type(error).__name__)


def _no_tls(error: Ice.ProtocolException) -> bool:
    # The only sign of it: what OpenSSL says when the answer is none of TLS.
    return "wrong version number" in error.reason


def _open_other(login: Login, main: Session, user: str, group: str) -> Session:
    """A session of another user, or in another group, by the rights of the main session."""
    check_account(main.rows, main.server, user, group)
    if user == main.user and not login.is_session:
        return _connect(login, login.user, login.password, is_ours=True, group=group)
    sessions = main.factory.getSessionService()
    idle = sessions.getSession(main.client.getSessionId()).getTimeToIdle().getValue()
    if user == main.user:
        key = sessions.createUserSession(0, idle, group).getUuid().getValue()
    else:
        event = main.factory.getAdminService().getEventContext()
        key = session_for(sessions, event, user, group, idle)
    return _connect(login, key, key, is_ours=True)
