"""omero::api::ISession."""

from __future__ import annotations

from typing import Any

from omero.rtypes import unwrap

from omero_embedded.sessions.registry import Sessions
from omero_embedded.sessions.session import Session
from omero_embedded.store import Store
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call


class SessionService:
    def __init__(self, store: Store, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions

    def createSession(self, call: Call, principal: Any, credentials: str) -> Any:
        return self._for_other(call, principal, 0, None)

    def createSessionWithTimeout(self, call: Call, principal: Any, live: int) -> Any:
        return self._for_other(call, principal, live, None)

    def createSessionWithTimeouts(self, call: Call, principal: Any, live: int, idle: int) -> Any:
        return self._for_other(call, principal, live, idle)

    def createUserSession(self, call: Call, live: int, idle: int, group: str) -> Any:
        own = call.caller.session
        session = self._sessions.open(
            own.actor.user_id,
            group or own.actor.group_id,
            call.caller.agent,
            own.actor.event_type,
            live,
            idle,
        )
        return self._row(session)

    def _for_other(self, call: Call, principal: Any, live: int, idle: int | None) -> Any:
        """What the command line's --sudo and the gateway's suConn ask for."""
        if principal is None or not principal.name:
            raise errors.api_usage("whose session is it to be? The principal has no name")
        own = call.caller.session
        group = principal.group if principal.group not in (None, "", "user") else None
        self._check_sudo(own, principal.name, group)
        session = self._sessions.open(
            principal.name,
            group,
            call.caller.agent,
            principal.eventType or "User",
            live,
            idle,
            sudoer_id=own.actor.user_id,
        )
        return self._row(session)

    def _check_sudo(self, own: Session, user: str, group: str | None) -> None:
        """Administrators become anyone, group owners a member in a group that they lead."""
        if own.actor.is_admin:
            return
        wanted = self._store.actor(user, group)
        if wanted.group_id not in own.actor.leader_of or wanted.is_admin:
            raise errors.security(
                f"Group sudo is not permitted: {own.user_name} does not lead the group that"
                f" {user}'s session would work in"
            )

    def getSession(self, call: Call, uuid: str) -> Any:
        return self._row(self._known(call, uuid))

    def getReferenceCount(self, call: Call, uuid: str) -> int:
        return self._known(call, uuid).references

    def closeSession(self, call: Call, row: Any) -> int:
        """References left; -2 once the session is closed, -1 when it was before."""
        uuid = unwrap(row.uuid) if row is not None else None
        session = self._sessions.find(uuid or "")
        if session is None:
            return -1
        return self._sessions.release(self._known(call, session.uuid))

    def getMyOpenSessions(self, call: Call) -> list[Any]:
        user_id = call.caller.session.actor.user_id
        return [self._row(s) for s in self._sessions.all() if s.actor.user_id == user_id]

    def getMyOpenAgentSessions(self, call: Call, agent: str) -> list[Any]:
        return [row for row in self.getMyOpenSessions(call) if unwrap(row.userAgent) == agent]

    def getMyOpenClientSessions(self, call: Call) -> list[Any]:
        return self.getMyOpenSessions(call)

    def _known(self, call: Call, uuid: str) -> Session:
        session = self._sessions.find(uuid)
        actor = call.caller.session.actor
        if session is None or not (actor.is_admin or session.actor.user_id == actor.user_id):
            raise errors.removed_session(f"there is no open session {uuid}")
        return session

    def _row(self, session: Session) -> Any:
        return self._sessions.row(session)
