"""The Event that a transaction's changes belong to, and its EventLogs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from omero_embedded.model.types import Type, type_of
from omero_embedded.store.actor import ALL_GROUPS, USER_GROUP_ID, Actor
from omero_embedded.store.inserting import insert_rows
from omero_embedded.store.schema import TYPE, table_of
from omero_embedded.store.sequences import Sequences


class Events:
    """Makes the transaction's Event when something is first written."""

    def __init__(self, connection: Connection, actor: Actor, sequences: Sequences) -> None:
        self._connection = connection
        self._actor = actor
        self._sequences = sequences
        self._event: int | None = None
        self._logs: list[dict[str, Any]] = []
        self._types: set[str] = set()

    def current(self) -> int:
        """The id of this transaction's Event."""
        if self._event is None:
            kind = self._connection.scalar(_event_type(), {"value": self._actor.event_type})
            group = self._actor.group_id
            self._event = self._sequences.next("Event")
            row = {
                "id": self._event,
                TYPE: "Event",
                "version": 0,
                "time": now(),
                "experimenter": self._actor.user_id,
                "experimenterGroup": USER_GROUP_ID if group == ALL_GROUPS else group,
                "type": kind,
                "session": self._actor.session_id,
            }
            insert_rows(self._connection, type_of("Event"), [row])
        return self._event

    def log(self, action: str, model_type: Type, ids: Sequence[int]) -> None:
        """Note that this happened ("INSERT", "UPDATE", "DELETE") to these objects."""
        if model_type.name in ("Event", "EventLog"):
            return
        self._types.add(model_type.name)
        self._logs += [
            {
                "id": self._sequences.next("EventLog"),
                TYPE: "EventLog",
                "version": 0,
                "entityId": object_id,
                "entityType": model_type.java_name,
                "action": action,
                "event": self.current(),
            }
            for object_id in ids
        ]

    def have(self, type_name: str) -> bool:
        """Whether anything was noted of objects of that type."""
        return type_name in self._types

    def flush(self) -> None:
        """Write down what was noted."""
        if self._logs:
            insert_rows(self._connection, type_of("EventLog"), self._logs)
            self._logs = []


@cache
def _event_type() -> Select[Any]:
    table = table_of(type_of("EventType"))
    return select(table.c.id).where(table.c.value == bindparam("value"))


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
