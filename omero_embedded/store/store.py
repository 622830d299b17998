"""The store: one SQLite file in a folder, opened by one server at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omero_embedded.store.actor import Actor
from omero_embedded.store.work import Work


class Store:
    """Thread-safe: readers work side by side, writers take turns.

    What a `write` block did is kept whole once the block ends, and gone whole when it raises or
    when the process is killed inside it.
    """

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open the store in `folder` (made when missing, with enumerations, root and groups)."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def actor(
        self,
        user: str | int,
        group: str | int | None = None,
        session_id: int | None = None,
        event_type: str = "User",
    ) -> Actor:
        """A user by name or id, in a group by name or id (None: the user's default group, -1: all).

        Raises omero.SecurityViolation when there is no such user or group, or when the user is
        neither an administrator nor in that group.
        """
        raise NotImplementedError

    @contextmanager
    def read(self, actor: Actor) -> Iterator[Work]:
        """One consistent view of the store."""
        raise NotImplementedError
        yield

    @contextmanager
    def write(self, actor: Actor) -> Iterator[Work]:
        """One transaction. Keep it short: other writers wait for it."""
        raise NotImplementedError
        yield

    def ensure_group(self, name: str, permissions: str = "rw----") -> int:
        """The id of the group of that name; made, or given these permissions, when needed."""
        raise NotImplementedError

    def ensure_user(
        self,
        name: str,
        first_name: str,
        last_name: str,
        groups: tuple[str, ...],
        leads: tuple[str, ...] = (),
        is_admin: bool = False,
    ) -> int:
        """The id of the user of that name, a member of (at least) these groups, the first one by
        default. Groups that do not exist are made private.
        """
        raise NotImplementedError
