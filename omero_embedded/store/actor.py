"""Who acts, in which group: what permissions are judged by."""

from __future__ import annotations

from dataclasses import dataclass, replace

ROOT_ID, GUEST_ID = 0, 1
SYSTEM_GROUP_ID, USER_GROUP_ID, GUEST_GROUP_ID = 0, 1, 2
ALL_GROUPS = -1


@dataclass(frozen=True, slots=True)
class Actor:
    """A user at work in a group; `group_id` -1 looks at all of the user's groups at once.

    `member_of` and `leader_of` hold group ids. `session_id` is the Session that the events of this
    actor's writes belong to. A `trusted` actor is the server itself at work for that user:
    it reads and writes what it likes, and what it makes belongs to the user.
    """

    user_id: int
    group_id: int
    is_admin: bool = False
    member_of: frozenset[int] = frozenset()
    leader_of: frozenset[int] = frozenset()
    session_id: int = 0
    event_type: str = "User"
    trusted: bool = False

    def in_group(self, group_id: int) -> Actor:
        """The same user in another group (what `omero.group` in a call's context asks for)."""
        return replace(self, group_id=group_id)

    def as_server(self) -> Actor:
        """The server on behalf of this user, for what a user may not do alone (OriginalFile.repo,
        Session, Event...)."""
        return replace(self, trusted=True)
