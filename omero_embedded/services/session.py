"""omero::api::ISession."""

from __future__ import annotations

import secrets
import time
from typing import Any

from omero.rtypes import unwrap

from omero_embedded.sessions.registry import Sessions
from omero_embedded.sessions.session import Session
from omero_embedded.store import Actor, Store
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

_CLIENTS = ("OMERO.insight", "OMERO.web", "OMERO.importer")


class SessionService:
    def __init__(self, store: Store, sessions: Sessions, secret: str) -> None:
        self._store = store
        self._secret = secret
        self._sessions = sessions

    def createSession(self, call: Call, principal: Any, credentials: str) -> Any:
        """A session of one's own from a password, or the one whose key is given for it."""
        name = _named(principal)
        known = self._sessions.find(credentials)
        if known is not None:
            return self._handed_out(known)
        if not secrets.compare_digest(credentials.encode(), self._secret.encode()):
            raise errors.authentication("Authentication exception.")
        return self._handed_out(self._open(call, principal, name, 0, None, None))

    def createSessionWithTimeout(self, call: Call, principal: Any, live: int) -> Any:
        return self.createSessionWithTimeouts(call, principal, live, 0)

    def createSessionWithTimeouts(self, call: Call, principal: Any, live: int, idle: int) -> Any:
        """Someone else's session: what the command line's --sudo and the gateway's suConn ask for.

        Administrators with the privilege Sudo become anyone, group owners anyone in a group that
        they lead.
        """
        name = _named(principal)
        own = call.caller.session.actor
        return self._handed_out(self._open(call, principal, name, live, idle, own))

    def createUserSession(self, call: Call, live: int, idle: int, group: str) -> Any:
        own = call.caller.session.actor
        session = self._sessions.open(
            own.user_id,
            _group_name(group),
            call.caller.agent,
            own.event_type,
            live,
            idle,
            own.sudoer_id,
        )
        return self._handed_out(session)

    def _open(
        self,
        call: Call,
        principal: Any,
        name: str,
        live: int,
        idle: int | None,
        sudoer: Actor | None,
    ) -> Session:
        group = _group_name(principal.group)
        if not self._store.is_user(name) or not (group is None or self._store.is_group(group)):
            # OMERO says no more of a user or a group that does not exist.
            raise errors.authentication("Error creating session.")
        wanted = self._store.actor(name, group)
        if sudoer is not None and not sudoer.has("Sudo"):
            self._check_leads(sudoer, wanted.group_id)
        return self._sessions.open(
            wanted.user_id,
            wanted.group_id,
            call.caller.agent or "OMERO.sudo",
            principal.eventType or "User",
            live,
            idle,
            None if sudoer is None else sudoer.real_user_id,
        )

    def _check_leads(self, sudoer: Actor, group_id: int) -> None:
        if group_id not in sudoer.leader_of:
            name = self._sessions.group_name(group_id)
            raise errors.security(f"Group sudo is not permitted for group {name} (gid={group_id})")

    def getSession(self, call: Call, uuid: str) -> Any:
        return self._row(self._known(uuid))

    def getReferenceCount(self, call: Call, uuid: str) -> int:
        return self._known(uuid).references

    def closeSession(self, call: Call, row: Any) -> int:
        """References left; -2 once the session is closed, -1 when it was before."""
        uuid = unwrap(row.uuid) if row is not None else None
        session = self._sessions.find(uuid or "")
        return -1 if session is None else self._sessions.release(session)

    def getMyOpenSessions(self, call: Call) -> list[Any]:
        """The user's sessions that the same person opened; all of them with ReadSession."""
        own = call.caller.session.actor
        return [
            self._row(session)
            for session in self._sessions.all()
            if session.actor.user_id == own.user_id
            and (own.has("ReadSession") or session.actor.sudoer_id == own.sudoer_id)
        ]

    def getMyOpenAgentSessions(self, call: Call, agent: str) -> list[Any]:
        return [row for row in self.getMyOpenSessions(call) if unwrap(row.userAgent) == agent]

    def getMyOpenClientSessions(self, call: Call) -> list[Any]:
        return [row for row in self.getMyOpenSessions(call) if unwrap(row.userAgent) in _CLIENTS]

    def _known(self, uuid: str) -> Session:
        """Whoever has a session's key may ask about it, as in OMERO."""
        session = self._sessions.find(uuid)
        if session is None:
            raise errors.removed_session(f"No context for {uuid}")
        session.check_time(time.monotonic())
        return session

    def _handed_out(self, session: Session) -> Any:
        """Who asked for a session holds it until closeSession, whoever joins and leaves it."""
        with session.lock:
            session.references += 1
        return self._row(session)

    def _row(self, session: Session) -> Any:
        return self._sessions.row(session)


def _named(principal: Any) -> str:
    if principal is None or not principal.name:
        raise errors.api_usage("Null principal name.")
    name: str = principal.name
    return name


def _group_name(group: str | None) -> str | None:
    """None for the user's default group: nobody works in the group `user`."""
    return None if group in (None, "", "user") else group
