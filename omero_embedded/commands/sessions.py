"""Commands about sessions: who is logged in, and how long a session may idle."""

from __future__ import annotations

from typing import Any

import omero
import omero.cmd
from omero.rtypes import unwrap

from omero_embedded.commands.handle import Failed, Task
from omero_embedded.sessions.acting import event_context
from omero_embedded.sessions.registry import Sessions
from omero_embedded.store import Actor, Store


def who_task(store: Store, sessions: Sessions, actor: Actor, request: Any) -> Task:
    """omero.cmd.CurrentSessionsRequest: all sessions; details only of one's own, or for admins."""
    response = omero.cmd.CurrentSessionsResponse(sessions=[], contexts=[], data=[])

    def collect() -> None:
        for session in sessions.all():
            context = event_context(store, session, session.actor)
            is_open = actor.is_admin or session.actor.user_id == actor.user_id
            if not is_open:
                context.sessionUuid = ""
            response.sessions.append(sessions.row(session) if is_open else None)
            response.contexts.append(context)
            response.data.append({})

    return Task(request, [collect], lambda: response)


def timeout_task(sessions: Sessions, actor: Actor, request: Any) -> Task:
    """omero.cmd.UpdateSessionTimeoutRequest. Only administrators may lengthen a whole life."""

    def change() -> None:
        session = sessions.find(request.session)
        if session is None or not (actor.is_admin or session.actor.user_id == actor.user_id):
            raise Failed("no-session", f"there is no session {request.session} to change")
        live, idle = unwrap(request.timeToLive), unwrap(request.timeToIdle)
        if live is not None and not actor.is_admin:
            raise Failed("non-admin-increase", "only administrators may change the time to live")
        sessions.set_limits(session, live, idle)

    return Task(request, [change], omero.cmd.OK)
