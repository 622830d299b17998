"""In whose name, and in which group, a call is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import omero
import omero.sys

from omero_embedded.sessions.session import Session
from omero_embedded.store import ALL_GROUPS, Actor, Store
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

_GROUP = "omero.group"


def actor_of(call: Call) -> Actor:
    """The session's user, in the group whose id the call's context gives, else in the session's.

    A name is passed over: it is what the login was made with, which clients go on sending.
    """
    session = call.caller.session
    try:
        group_id = int(call.context.get(_GROUP, ""))
    except ValueError:
        actor: Actor = session.actor
        return actor
    return in_group(session, group_id)


def in_group(session: Session, group_id: int) -> Actor:
    """The session's user in another group. Raises omero.SecurityViolation when not a member."""
    actor = session.actor
    if group_id != ALL_GROUPS and not actor.is_admin and group_id not in actor.member_of:
        raise errors.security(
            f"User {actor.user_id} is not a member of group {group_id} and cannot login"
        )
    return actor.in_group(group_id)


def as_server(actor: Actor) -> Actor:
    """The same user, for writes that the server itself makes in that user's name."""
    return replace(actor, trusted=True)


def event_context(store: Store, session: Session, actor: Actor) -> Any:
    """omero.sys.EventContext of a call."""
    group_id = session.actor.group_id if actor.group_id == ALL_GROUPS else actor.group_id
    with store.read(actor) as work:
        group = work.get("ExperimenterGroup", group_id)
        sudoer = None if actor.sudoer_id is None else work.get("Experimenter", actor.sudoer_id)
    context = omero.sys.EventContext()
    context.shareId = -1
    context.sessionId = session.row_id
    context.sessionUuid = session.uuid
    context.userId = actor.user_id
    context.userName = session.user_name
    context.sudoerId = None if sudoer is None else sudoer.id
    context.sudoerName = None if sudoer is None else sudoer.omeName
    context.groupId = group_id
    context.groupName = group.name.val
    context.isAdmin = actor.is_admin
    context.adminPrivileges = sorted(actor.privileges)
    context.eventId = -1
    context.eventType = actor.event_type
    context.memberOfGroups = sorted(actor.member_of)
    context.leaderOfGroups = sorted(actor.leader_of)
    context.groupPermissions = group.details.permissions
    return context
