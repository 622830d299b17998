"""Ids: one sequence per family of types, never going back, also not after a deletion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from omero_embedded.store.schema import sequences


class Sequences:
    """The sequences within one transaction; `flush` writes down how far they went."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._following: dict[str, int] = {}
        self._moved: set[str] = set()

    def next(self, root: str) -> int:
        """A new id for the family of that root type."""
        if not self._following:
            self._following = {row.root: row.next_id for row in self._rows()}
        new = self._following.get(root, 1)
        self._following[root] = new + 1
        self._moved.add(root)
        return new

    def _rows(self) -> Iterable[Any]:
        return self._connection.execute(select(sequences))

    def flush(self) -> None:
        if self._moved:
            rows = [{"root": root, "next_id": self._following[root]} for root in self._moved]
            statement = insert(sequences)
            statement = statement.on_conflict_do_update(
                index_elements=["root"], set_={"next_id": statement.excluded.next_id}
            )
            self._connection.execute(statement, rows)
            self._moved.clear()
