"""What goes along when an object moves to another group, or is given to another user.

Much as with a deletion: what is part of it goes along, and what it shares with nothing that stays.
A link goes along when both its ends do; else it is deleted where it may not stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, select, update

from omero_embedded.model.types import lineage, type_of
from omero_embedded.store.access import Access
from omero_embedded.store.deletion import Deleter, Reason
from omero_embedded.store.errors import forbidden, invalid
from omero_embedded.store.events import Events
from omero_embedded.store.graph_targets import GIVEN, MOVED
from omero_embedded.store.loading import one_of
from omero_embedded.store.schema import GROUP, OWNER, table_of


@dataclass(slots=True)
class Change:
    """What a change took along and what it deleted: ids by type name."""

    included: dict[str, list[int]] = field(default_factory=dict)
    deleted: dict[str, list[int]] = field(default_factory=dict)


class _Changer(Deleter):
    """Walks as a deletion does, and writes a column instead."""

    column = ""
    targets: frozenset[str] = frozenset()

    def __init__(
        self,
        connection: Connection,
        access: Access,
        events: Events,
        value: int,
        keep: Sequence[str] = (),
        include: Sequence[str] = (),
    ) -> None:
        super().__init__(connection, access, events, keep, include)
        self._value = value

    def change(self, targets: Mapping[str, Sequence[int]], dry_run: bool) -> Change:
        """Give everything that goes along the new value."""
        for name in targets:
            if self.targets.isdisjoint(lineage(type_of(name).name)):
                raise invalid(f"{name} is no type that this starts from")
        self.plan(targets)
        change = self._sorted_out()
        if not dry_run:
            self._write(change)
        return change

    def _sorted_out(self) -> Change:
        change = Change()
        for name, ids in self.condemned().items():
            model_type = type_of(name)
            whole = set(ids)
            if model_type.is_link:
                whole = self._with_both_ends(name, ids)
                torn = sorted(set(ids) - whole)
                if torn and self._tears(name, torn):
                    change.deleted[name] = torn
            if whole:
                change.included[name] = sorted(whole)
        return change

    def _with_both_ends(self, name: str, ids: Sequence[int]) -> set[int]:
        link = type_of(name)
        table = table_of(link)
        rows = self._connection.execute(
            select(table.c.id, table.c.parent, table.c.child).where(one_of(table.c.id, ids))
        )
        parents = self._doomed[type_of(link.members["parent"].target).root]
        children = self._doomed[type_of(link.members["child"].target).root]
        return {row.id for row in rows if row.parent in parents and row.child in children}

    def _tears(self, name: str, ids: Sequence[int]) -> bool:
        """Whether links of which only one end goes along must be deleted."""
        return True

    def _write(self, change: Change) -> None:
        for name, ids in change.deleted.items():
            table = table_of(type_of(name))
            self._connection.execute(delete(table).where(one_of(table.c.id, ids)))
            self._events.log("DELETE", type_of(name), ids)
        for name, ids in change.included.items():
            model_type = type_of(name)
            if model_type.is_global:
                continue
            table = table_of(model_type)
            values = {self.column: self._value}
            self._connection.execute(update(table).where(one_of(table.c.id, ids)).values(values))
            self._events.log("UPDATE", model_type, ids)


class Mover(_Changer):
    """Chgrp2: to the group `value`, of the actor's own data; with Chgrp of anyone's."""

    act, acting = "move", "Moving"
    column = GROUP
    targets = MOVED

    def change(self, targets: Mapping[str, Sequence[int]], dry_run: bool) -> Change:
        actor = self._access.actor
        if not actor.has("Chgrp") and self._value not in actor.member_of:
            raise forbidden("not a member of the chgrp destination group")
        return super().change(targets, dry_run)

    def _may_take(self, name: str, row: Any, reason: Reason) -> bool:
        actor = self._access.actor
        is_link = reason != "asked for" and type_of(name).is_link
        return is_link or actor.has("Chgrp") or row[OWNER] in (None, actor.user_id)


class Giver(_Changer):
    """Chown2: to the user `value`, by who has Chown or owns the group; only what belongs to the
    owners of the objects asked for goes along."""

    act, acting = "give", "Giving"
    column = OWNER
    targets = GIVEN

    def __init__(self, *arguments: Any, member_of: frozenset[int], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._member_of = member_of
        self._owners: set[int | None] = set()

    def _may_take(self, name: str, row: Any, reason: Reason) -> bool:
        if reason == "asked for":
            self._owners.add(row[OWNER])
        elif row[OWNER] is None or type_of(name).is_link:
            return True
        elif row[OWNER] not in self._owners:
            return False
        actor = self._access.actor
        leads = row[GROUP] in actor.leader_of and row[GROUP] in self._member_of
        return actor.has("Chown") or leads

    def _tears(self, name: str, ids: Sequence[int]) -> bool:
        """In a private group nobody would see the other end."""
        table = table_of(type_of(name))
        groups = self._connection.scalars(select(table.c[GROUP]).where(one_of(table.c.id, ids)))
        return any(self._access.is_private(group) for group in groups)
