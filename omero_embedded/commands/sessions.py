"""Commands about sessions: who is logged in, and how long a session may idle."""

from __future__ import annotations

from typing import Any

import omero
import omero.cmd
from omero.rtypes import unwrap

from omero_embedded.commands.handle import Failed, Task
from omero_embedded.sessions.acting import event_context
from omero_embedded.sessions.registry import Sessions
from omero_embedded.sessions.session import Session
from omero_embedded.store import Actor, Store

_LONGEST_IDLE = 6_000_000  # ms; OMERO's omero.sessions.maxUserTimeToIdle


def who_task(store: Store, sessions: Sessions, actor: Actor, request: Any) -> Task:
    """omero.cmd.CurrentSessionsRequest: all sessions; details only of one's own, or for admins."""
    response = omero.cmd.CurrentSessionsResponse(sessions=[], contexts=[], data=[])

    def collect() -> None:
        for session in sessions.all():
            context = event_context(store, session, session.actor)
            is_open = _is_visible(session, actor)
            if not is_open:
                context.sessionUuid = ""
            response.sessions.append(sessions.row(session) if is_open else None)
            response.contexts.append(context)
            response.data.append({})

    return Task(request, [collect], lambda: response)


def timeout_task(sessions: Sessions, actor: Actor, request: Any) -> Task:
    """omero.cmd.UpdateSessionTimeoutRequest. Only administrators may do without a limit."""

    def change() -> None:
        session = sessions.find(request.session)
        if session is None or not _is_visible(session, actor):
            raise Failed("no-session", f"there is no session {request.session} to change")
        live, idle = unwrap(request.timeToLive), unwrap(request.timeToIdle)
        if live is None and idle is None:
            raise Failed("no-update-performed", "neither time is given", session=session.uuid)
        if not actor.is_admin:
            idle = None if idle is None else min(idle, _LONGEST_IDLE)
            _check_limit("timeToLive", session.time_to_live, live)
            _check_limit("timeToIdle", session.time_to_idle, idle)
        sessions.set_limits(session, live, idle)

    return Task(request, [change], omero.cmd.OK)


def _check_limit(field: str, current: int, target: int | None) -> None:
    if target is not None and target != current and target <= 0:
        raise Failed(
            "non-admin-disabling",
            f"only administrators may lift a session's {field}",
            field=field,
            target=str(target),
            current=str(current),
        )


def _is_visible(session: Session, actor: Actor) -> bool:
    """One's own sessions are those that one opened; an administrator with ReadSession sees all."""
    return actor.has("ReadSession") or session.actor.real_user_id == actor.real_user_id
