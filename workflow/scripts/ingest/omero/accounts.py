"""Whether a row's user and group exist, and whether the login may act for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import omero
import omero.sys

from ingest.fileset import StageError

Rows = Callable[..., list[list[Any]]]

_ACTIVE = "user"  # the group that every user is in who may log in

_GROUPS = (
    "select g.name from GroupExperimenterMap m join m.parent g join m.child e "
    "where e.omeName = :user order by g.name"
)


def check_account(rows: Rows, server: str, user: str, group: str) -> None:
    """Raises StageError unless there is such an active user, and in this group if one is named.

    `rows` answers queries, like Session.rows.
    """
    if not rows("select e.id from Experimenter e where e.omeName = :user", user=user):
        raise StageError(
            f"OMERO at {server} has no user named {user}",
            "Correct the row's user, or add the user.",
        )
    groups = [name for (name,) in rows(_GROUPS, user=user)]
    if _ACTIVE not in groups:
        raise StageError(
            f"OMERO user {user} is not active",
            "Name another user in the row, or have an administrator activate this one.",
        )
    if group == _ACTIVE:
        raise StageError(
            f"{group} is the group of everybody in OMERO, in which nobody's data lies",
            "Name another group of the user's, or none for the default group.",
        )
    if not group or group in groups:
        return
    if not rows("select g.id from ExperimenterGroup g where g.name = :name", name=group):
        raise StageError(
            f"OMERO at {server} has no group named {group}",
            "Correct the row's group, or add the group.",
        )
    own = ", ".join(name for name in groups if name != _ACTIVE) or "none"
    raise StageError(
        f"OMERO user {user} is not in group {group} (but in: {own})",
        "Correct the row's user or group, or add the user to the group.",
    )


def session_for(sessions: Any, login: Any, user: str, group: str, idle: int) -> str:
    """The key of a new session as another user, by the rights of the one that logged in.

    `sessions` is the login's session service, `login` its event context. The session ends when it
    is idle for `idle` milliseconds, and has no other end. Raises StageError.
    """
    principal = omero.sys.Principal(user, group or None, "User", None)
    try:
        opened = sessions.createSessionWithTimeouts(principal, 0, idle)
    except omero.SecurityViolation:
        raise no_right(login, user, group) from None
    except omero.ApiUsageException as error:
        raise StageError(
            f"OMERO opened no session for {user}: {error.message}",
            "Name a group in the row that the user is in.",
        ) from None
    return str(opened.getUuid().getValue())


def no_right(login: Any, user: str, group: str) -> StageError:
    """Why the login may not act as this user there, and who can change that."""
    place = f"in group {group}" if group else f"in {user}'s default group"
    if login.isAdmin:
        reason = f"{login.userName} is an administrator without the Sudo privilege"
        remedy = "Have it granted"
    elif login.leaderOfGroups:
        reason = f"{login.userName} is not an administrator and owns only other groups"
        remedy = "Name a group in the row that this login owns, have it made an owner of that one"
    else:
        reason = f"{login.userName} is not an administrator and owns no group"
        remedy = "Have it made an owner of that group"
    return StageError(
        f"OMERO user {login.userName} may not import for {user} {place}: {reason}",
        f"{remedy}, log in as an administrator with the Sudo privilege, or leave the row's user "
        "empty.",
    )
