"""OMERO's permissions: a group's setting, and who owns what in it, decide what an actor may do.

The rules are those of OMERO.server's security filters (reading) and its ACL voter (the rest).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import omero
from sqlalchemy import ColumnElement, FromClause, and_, false, or_

from omero_embedded.model.types import Type
from omero_embedded.store.actor import (
    ALL_GROUPS,
    GUEST_ID,
    SYSTEM_GROUP_ID,
    USER_GROUP_ID,
    Actor,
)
from omero_embedded.store.schema import GROUP, OWNER

Scope = Literal["link", "edit", "delete", "annotate"]
# The order of omero.constants.permissions (LINKRESTRICTION = 0 ...); chgrp and chown follow.
_SCOPES: tuple[Scope, ...] = ("link", "edit", "delete", "annotate")
_READ, _WRITE, _ANNOTATE = 4, 2, 1
_USER, _GROUP, _WORLD = 8, 4, 0
PRIVATE = -120  # rw----


def perm1(permissions: str) -> int:
    """ "rwr---" as the number OMERO keeps. ValueError for anything else."""
    return int(omero.model.PermissionsI(permissions).getPerm1())


class Access:
    """What one actor may do, given every group's permissions (group id -> number)."""

    def __init__(self, actor: Actor, groups: Mapping[int, int]) -> None:
        self.actor = actor
        self._groups = groups
        self._cache: dict[Any, Any] = {}

    def readable(self, model_type: Type, table: FromClause) -> ColumnElement[bool] | None:
        """The SQL condition for rows of `table` that the actor may see; None when all."""
        actor = self.actor
        if actor.trusted:
            return None
        if model_type.root == "Session":
            return None if actor.is_admin else table.c.owner == actor.user_id
        if model_type.is_global:
            return None
        owner, group = table.c[OWNER], table.c[GROUP]
        if actor.group_id != ALL_GROUPS:
            here = group == actor.group_id
            if not self._sees_all_of(actor.group_id):
                here = and_(here, owner == actor.user_id)
            return or_(here, group == USER_GROUP_ID)
        if actor.is_admin:
            return None
        whole = [g for g in self._groups if self._sees_all_of(g)]
        return or_(group.in_(whole) if whole else false(), owner == actor.user_id)

    def _sees_all_of(self, group_id: int) -> bool:
        actor = self.actor
        if actor.is_admin or group_id in actor.leader_of or group_id == USER_GROUP_ID:
            return True
        if self._granted(group_id, _WORLD, _READ):
            return True
        return group_id in actor.member_of and self._granted(group_id, _GROUP, _READ)

    def may_read(self, model_type: Type, owner: int | None, group: int | None) -> bool:
        """Whether the actor, in any of its groups, may see an object."""
        actor = self.actor
        if actor.trusted or model_type.is_global or group is None:
            return True
        return self._sees_all_of(group) or owner == actor.user_id

    def may(
        self,
        scope: Scope,
        model_type: Type,
        owner: int | None,
        group: int | None,
        is_directory: bool = False,
    ) -> bool:
        """Whether the actor may link to, edit, delete or annotate an object."""
        actor = self.actor
        if actor.trusted:
            return True
        linking = scope in ("link", "annotate")
        is_own = owner == actor.user_id
        if linking and not is_own and self._is_critical(model_type, group):
            return False
        if actor.is_admin:
            return True
        if model_type.is_global or group is None:
            return linking
        if actor.user_id == GUEST_ID:
            return False
        if group in actor.leader_of:
            return True
        right = _ANNOTATE if scope == "annotate" else _WRITE
        shared = group == USER_GROUP_ID and not is_directory
        permissions = PRIVATE if shared else self._groups.get(group, 0)
        granted = (
            _has(permissions, _WORLD, right)
            or (is_own and _has(permissions, _USER, right))
            or (group in actor.member_of and _has(permissions, _GROUP, right))
        )
        return granted or (linking and (shared or group == SYSTEM_GROUP_ID))

    def _is_critical(self, model_type: Type, group: int | None) -> bool:
        """In a private group not even its leaders mix their data with a member's: the member would
        see links to what is hidden from them."""
        if model_type.is_global or group is None or group == USER_GROUP_ID:
            return False
        in_charge = self.actor.is_admin or group in self.actor.leader_of
        return in_charge and not self._granted(group, _GROUP, _READ)

    def may_create_in(self, group: int, is_annotation_link: bool, is_display: bool) -> bool:
        """Whether the actor may add objects to a group."""
        actor = self.actor
        if actor.trusted or actor.is_admin or group in actor.member_of:
            return actor.trusted or actor.user_id != GUEST_ID
        right = _READ if is_display else _ANNOTATE if is_annotation_link else _WRITE
        return self._granted(group, _WORLD, right)

    def permissions(
        self,
        model_type: Type,
        owner: int | None,
        group: int | None,
        own: int | None = None,
        is_directory: bool = False,
    ) -> Any:
        """The PermissionsI of an object's details, with the actor's restrictions. `own`: a group's
        own permissions. Objects of the same standing share one."""
        key = (model_type.is_global, owner, group, own, is_directory)
        if key not in self._cache:
            number = own
            if number is None:
                number = self._groups.get(self.actor.group_id if group is None else group, 0)
            permissions = omero.model.PermissionsI()
            permissions.setPerm1(number)
            permissions._restrictions = [
                not self.may(scope, model_type, owner, group, is_directory) for scope in _SCOPES
            ]
            actor = self.actor
            can_move = actor.is_admin or owner == actor.user_id
            can_give = actor.is_admin or group in actor.leader_of
            permissions._restrictions += [not can_move, not can_give]
            permissions._extendedRestrictions = []
            self._cache[key] = permissions
        return self._cache[key]

    def _granted(self, group: int, role: int, right: int) -> bool:
        return _has(self._groups.get(group, 0), role, right)


def _has(permissions: int, role: int, right: int) -> bool:
    return bool(permissions & (right << role))
