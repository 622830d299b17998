"""The store: one SQLite file in a folder, opened by one server at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.exc import IntegrityError

from omero_embedded.store import accounts
from omero_embedded.store.actor import Actor
from omero_embedded.store.database import open_database
from omero_embedded.store.errors import invalid
from omero_embedded.store.sequences import Sequences
from omero_embedded.store.work import Work, group_permissions


class Store:
    """Thread-safe: readers work side by side, writers take turns.

    What a `write` block did is kept whole once the block ends, and gone whole when it raises or
    when the process is killed inside it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = threading.Lock()
        self._writer: int | None = None
        self._read_known()

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open the store in `folder` (made when missing, with enumerations, root and groups)."""
        return cls(open_database(folder))

    def _read_known(self) -> None:
        """What need not be asked for again and again, since nobody else writes to the file."""
        with self._engine.begin() as connection:
            self._sequences = Sequences(connection)
            self._permissions = group_permissions(connection)

    def close(self) -> None:
        """Give back the file. No call may be under way."""
        self._engine.dispose()

    def actor(
        self,
        user: str | int,
        group: str | int | None = None,
        session_id: int = 0,
        event_type: str = "User",
        sudoer_id: int | None = None,
    ) -> Actor:
        """A user by name or id, in a group by name or id (None: the user's default group, -1: all).

        `sudoer_id` is who becomes that user, and can then do no more than either of them.
        Raises omero.SecurityViolation when there is no such user or group, or when the user is
        neither an administrator nor in that group.
        """
        with self._engine.begin() as connection:
            return accounts.actor(connection, user, group, session_id, event_type, sudoer_id)

    def is_user(self, name: str) -> bool:
        with self._engine.begin() as connection:
            return accounts.find(connection, "Experimenter", "omeName", name) is not None

    def is_group(self, name: str) -> bool:
        with self._engine.begin() as connection:
            return accounts.find(connection, "ExperimenterGroup", "name", name) is not None

    @contextmanager
    def read(self, actor: Actor) -> Iterator[Work]:
        """One consistent view of the store."""
        with self._engine.begin() as connection:
            yield Work(connection, actor, self._permissions, self._sequences)

    @contextmanager
    def write(self, actor: Actor) -> Iterator[Work]:
        """One transaction. Keep it short: other writers wait for it.

        Raises omero.ValidationException at its end when something that was deleted is still
        referred to.
        """
        if self._writer == threading.get_ident():
            raise RuntimeError("this thread writes already: use the Work it has")
        with self._writing:
            self._writer = threading.get_ident()
            try:
                with self._transaction(actor) as work:
                    yield work
                if work.has_changed_groups:
                    self._read_known()
            except BaseException:
                self._read_known()
                raise
            finally:
                self._writer = None

    @contextmanager
    def _transaction(self, actor: Actor) -> Iterator[Work]:
        with self._engine.connect() as connection:
            transaction = connection.begin()
            try:
                work = Work(connection, actor, self._permissions, self._sequences)
                yield work
                work.finish()
                _commit(connection, transaction)
            finally:
                if transaction.is_active:
                    transaction.rollback()

    def ensure_group(self, name: str, permissions: str = "rw----") -> int:
        """The id of the group of that name; made, or given these permissions, when needed."""
        with self.write(accounts.SERVER) as work:
            return accounts.ensure_group(work, name, permissions)

    def set_privileges(self, user_id: int, privileges: frozenset[str]) -> None:
        """Leave an administrator these privileges and no others."""
        with self.write(accounts.SERVER) as work:
            accounts.set_privileges(work, user_id, privileges)

    def set_default_group(self, user_id: int, group_id: int) -> None:
        """The group that a user's sessions work in unless they name another; one of the user's."""
        with self.write(accounts.SERVER) as work:
            accounts.set_default_group(work, user_id, group_id)

    def ensure_user(
        self,
        name: str,
        first_name: str,
        last_name: str,
        groups: tuple[str, ...],
        leads: tuple[str, ...] = (),
        is_admin: bool = False,
        privileges: frozenset[str] | None = None,
    ) -> int:
        """The id of the user of that name, a member of (at least) these groups, the first one by
        default; made when needed. Groups that do not exist are made private. `leads`: the groups
        among them that the user owns. `privileges`: what an administrator may do; None for all,
        and leaves those of a user who exists.
        """
        with self.write(accounts.SERVER) as work:
            user_id = accounts.ensure_user(work, name, first_name, last_name)
            wanted = list(dict.fromkeys([*groups, "user", *(("system",) if is_admin else ())]))
            accounts.ensure_memberships(work, user_id, wanted, leads)
            if privileges is not None:
                accounts.set_privileges(work, user_id, privileges)
            return user_id


def _commit(connection: Connection, transaction: RootTransaction) -> None:
    try:
        transaction.commit()
    except IntegrityError as error:
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        places = ", ".join(f"a row of {row[2]} by {row[0]} {row[1]}" for row in broken[:5])
        raise invalid(f"Still referred to: {places}") from error
