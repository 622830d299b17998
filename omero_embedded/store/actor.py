"""Who acts, in which group: what permissions are judged by."""

from __future__ import annotations

from dataclasses import dataclass, replace

from omero_embedded.model.enumerations import ENUMERATIONS

ROOT_ID, GUEST_ID = 0, 1
SYSTEM_GROUP_ID, USER_GROUP_ID, GUEST_GROUP_ID = 0, 1, 2
ALL_GROUPS = -1
PRIVILEGES = frozenset(ENUMERATIONS["AdminPrivilege"])


@dataclass(frozen=True, slots=True)
class Actor:
    """A user at work in a group; `group_id` -1 looks at all of the user's groups at once.

    `member_of` and `leader_of` hold group ids. An administrator (a member of the group system) may
    do what `privileges` name, OMERO's AdminPrivilege values; one who lacks some is a restricted
    administrator, and where one is lacking a user like any other. `sudoer_id` is who opened the
    session for this user. `session_id` is the Session that the events of this actor's writes
    belong to. A `trusted` actor is the server itself at work for that user:
    it reads and writes what it likes, and what it makes belongs to the user.
    """

    user_id: int
    group_id: int
    is_admin: bool = False
    member_of: frozenset[int] = frozenset()
    leader_of: frozenset[int] = frozenset()
    privileges: frozenset[str] = frozenset()
    sudoer_id: int | None = None
    session_id: int = 0
    event_type: str = "User"
    trusted: bool = False

    @property
    def is_full_admin(self) -> bool:
        return self.is_admin and self.privileges >= PRIVILEGES

    @property
    def real_user_id(self) -> int:
        """Whose session it is at bottom: the one who became this user."""
        return self.user_id if self.sudoer_id is None else self.sudoer_id

    def has(self, privilege: str) -> bool:
        """Whether the actor is an administrator with this privilege, or the server."""
        return self.trusted or (self.is_admin and privilege in self.privileges)

    def in_group(self, group_id: int) -> Actor:
        """The same user in another group (what `omero.group` in a call's context asks for)."""
        return replace(self, group_id=group_id)

    def as_server(self) -> Actor:
        """The server on behalf of this user, for what a user may not do alone (OriginalFile.repo,
        Session, Event...)."""
        return replace(self, trusted=True)
