"""The Glacier2 router that every OMERO client talks to first: passwords in, sessions out.

There is no router process: router and services share one object adapter, so that routing is a
matter of naming.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import Ice
import omero
from omero.clients import Glacier2  # omero loads it anew: imported first, it is another

from omero_embedded.sessions.registry import Sessions
from omero_embedded.sessions.session import Client, Session
from omero_embedded.wire.servants import Call

GUEST = "guest"
_CLIENT, _SESSION = "omero.client.uuid", "omero.session.uuid"
_GROUP, _EVENT, _AGENT = "omero.group", "omero.event", "omero.agent"


class Router:
    """Methods of Glacier2::Router. `open_door` makes the ServiceFactory of a client."""

    def __init__(
        self,
        sessions: Sessions,
        secret: str,
        proxy: Callable[[], Any],
        open_door: Callable[[Client], Any],
    ) -> None:
        self._sessions = sessions
        self._secret = secret
        self._proxy = proxy
        self._open_door = open_door

    def createSession(self, call: Call, user: str, password: str) -> Any:
        client_uuid = call.context.get(_CLIENT)
        if not client_uuid:
            raise Glacier2.CannotCreateSessionException(
                f"the call's context lacks {_CLIENT}, which OMERO clients send"
            )
        session = self._joined(user, password) or self._opened(call, user, password)
        agent = call.context.get(_AGENT, "")
        return self._open_door(self._sessions.join(session, client_uuid, call.connection, agent))

    def _joined(self, user: str, password: str) -> Session | None:
        """The open session when its uuid came as name and password."""
        if user != password:
            return None
        return self._sessions.find(user)

    def _opened(self, call: Call, user: str, password: str) -> Session:
        # Guests need no password, as in OMERO: OMERO.web looks as guest whether a server is there.
        known = user == GUEST or secrets.compare_digest(password.encode(), self._secret.encode())
        try:
            if known:
                return self._sessions.open(
                    user,
                    call.context.get(_GROUP) or None,
                    call.context.get(_AGENT, ""),
                    call.context.get(_EVENT) or "User",
                )
        except omero.SecurityViolation as error:
            raise Glacier2.PermissionDeniedException(error.message) from error
        raise Glacier2.PermissionDeniedException(
            "wrong user or password (the password of this embedded server is in its folder, in the"
            " file `secret`), or a session that is over"
        )

    def createSessionFromSecureConnection(self, call: Call) -> Any:
        raise Glacier2.PermissionDeniedException("log in with a name and a password")

    def destroySession(self, call: Call) -> None:
        session = self._sessions.find(call.context.get(_SESSION, ""))
        uuid = call.context.get(_CLIENT, "")
        client = None if session is None else session.clients.get(uuid)
        if client is None:
            raise Glacier2.SessionNotExistException()
        self._sessions.leave(client)

    def getServerProxy(self, call: Call) -> Any:
        return self._proxy()

    def getClientProxy(self, call: Call) -> Any:
        return None

    def addProxies(self, call: Call, proxies: list[Any]) -> list[Any]:
        return []

    def getCategoryForClient(self, call: Call) -> str:
        # Callbacks travel over the client's own connection, so any category will do.
        return call.context.get(_CLIENT) or Ice.generateUUID()

    def refreshSession(self, call: Call) -> None:
        session = self._sessions.find(call.context.get(_SESSION, ""))
        if session is None:
            raise Glacier2.SessionNotExistException()

    def getSessionTimeout(self, call: Call) -> int:
        return 0

    def getACMTimeout(self, call: Call) -> int:
        return 0
