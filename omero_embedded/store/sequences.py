"""Ids: one sequence per family of types, never going back, also not after a deletion."""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from omero_embedded.store.schema import sequences

# SQLAlchemy would compose an "on conflict" of its own anew every time.
_FLUSH = text(
    f"insert into {sequences.name} (root, next_id) values (:root, :next_id) "
    "on conflict (root) do update set next_id = excluded.next_id"
)


class Sequences:
    """The sequences as they are in memory; `flush` writes down, in each transaction, how far they
    went."""

    def __init__(self, connection: Connection) -> None:
        self._following = {row.root: row.next_id for row in connection.execute(select(sequences))}
        self._moved: set[str] = set()

    def next(self, root: str) -> int:
        """A new id for the family of that root type."""
        new: int = self._following.get(root, 1)
        self._following[root] = new + 1
        self._moved.add(root)
        return new

    def flush(self, connection: Connection) -> None:
        if self._moved:
            rows = [{"root": root, "next_id": self._following[root]} for root in self._moved]
            connection.execute(_FLUSH, rows)
            self._moved.clear()
