"""OMERO's permissions: a group's setting, and who owns what in it, decide what an actor may do.

The rules are those of OMERO.server's security filters (reading) and its ACL voter (the rest).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import omero
from sqlalchemy import ColumnElement, FromClause, and_, false, func, or_

from omero_embedded.model.types import Type, lineage
from omero_embedded.store.actor import (
    ALL_GROUPS,
    GUEST_ID,
    SYSTEM_GROUP_ID,
    USER_GROUP_ID,
    Actor,
)
from omero_embedded.store.graph_targets import GIVEN, MOVED
from omero_embedded.store.schema import GROUP, OWNER

Scope = Literal["link", "edit", "delete", "annotate"]
# What an OriginalFile is: a folder or a file of the managed repository, or a file beside it.
FileKind = Literal["directory", "managed", "loose"]
# The order of omero.constants.permissions (LINKRESTRICTION = 0 ...); chgrp and chown follow.
_SCOPES: tuple[Scope, ...] = ("link", "edit", "delete", "annotate")
_READ, _WRITE, _ANNOTATE = 4, 2, 1
_USER, _GROUP, _WORLD = 8, 4, 0
PRIVATE = -120  # rw----
_DISPLAY = "ome.model.display."
_OF_ACCOUNTS = {
    "Experimenter": "ModifyUser",
    "ExperimenterGroup": "ModifyGroup",
    "GroupExperimenterMap": "ModifyGroupMembership",
}


def perm1(permissions: str) -> int:
    """ "rwr---" as the number OMERO keeps. ValueError for anything else."""
    return int(omero.model.PermissionsI(permissions).getPerm1())


def file_kind(model_type: Type, row: Mapping[str, Any]) -> FileKind | None:
    """The kind of an OriginalFile's row (its `mimetype` and `repo`); None for other types."""
    if model_type.root != "OriginalFile":
        return None
    if row["repo"] is None:
        return "loose"
    return "directory" if row["mimetype"] == "Directory" else "managed"


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
            if actor.has("ReadSession"):
                return None
            real_owner = func.coalesce(table.c.sudoer, table.c.owner)
            return real_owner == actor.real_user_id
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
        file_kind: FileKind | None = None,
    ) -> bool:
        """Whether the actor may link to, edit, delete or annotate an object."""
        actor = self.actor
        if actor.trusted:
            return True
        linking = scope in ("link", "annotate")
        is_own = owner == actor.user_id
        if linking and not is_own and self._is_critical(model_type, group):
            return False
        if actor.is_full_admin:
            return True
        if not model_type.is_global and actor.user_id == GUEST_ID:
            return False
        if self.is_privileged(model_type, file_kind, "Delete" if scope == "delete" else "Write"):
            return True
        if model_type.is_global or group is None:
            return linking
        if group in actor.leader_of:
            return True
        right = _ANNOTATE if scope == "annotate" else _WRITE
        shared = group == USER_GROUP_ID and file_kind != "directory"
        permissions = PRIVATE if shared else self._groups.get(group, 0)
        granted = (
            _has(permissions, _WORLD, right)
            or (is_own and _has(permissions, _USER, right))
            or (group in actor.member_of and _has(permissions, _GROUP, right))
        )
        return granted or (linking and (shared or group == SYSTEM_GROUP_ID))

    def is_privileged(
        self, model_type: Type, file_kind: FileKind | None, act: Literal["Write", "Delete"]
    ) -> bool:
        """Whether an administrator's privileges cover writing or deleting an object, whoever owns
        it. Of types that nobody owns, only those of users and groups need one."""
        if model_type.is_global:
            needed = _OF_ACCOUNTS.get(model_type.name)
            return self.actor.is_admin if needed is None else self.actor.has(needed)
        if file_kind is None:
            return self.actor.has(f"{act}Owned")
        return self.actor.has(f"{act}File" if file_kind == "loose" else f"{act}ManagedRepo")

    def _is_critical(self, model_type: Type, group: int | None) -> bool:
        """In a private group not even its leaders mix their data with a member's: the member would
        see links to what is hidden from them."""
        if model_type.is_global or group is None or group == USER_GROUP_ID:
            return False
        in_charge = self.actor.is_admin or group in self.actor.leader_of
        return in_charge and not self._granted(group, _GROUP, _READ)

    def may_create_in(
        self, group: int, model_type: Type, file_kind: FileKind | None = None
    ) -> bool:
        """Whether the actor may add objects of a type to a group."""
        actor = self.actor
        if actor.trusted:
            return True
        if actor.user_id == GUEST_ID:
            return False
        if group in actor.member_of or self.is_privileged(model_type, file_kind, "Write"):
            return True
        right = _ANNOTATE if model_type.name.endswith("AnnotationLink") else _WRITE
        if model_type.java_name.startswith(_DISPLAY):
            right = _READ
        return self._granted(group, _WORLD, right)

    def permissions(
        self,
        model_type: Type,
        owner: int | None,
        group: int | None,
        own: int | None = None,
        file_kind: FileKind | None = None,
    ) -> Any:
        """The PermissionsI of an object's details, with the actor's restrictions. `own`: a group's
        own permissions. Objects of the same standing share one."""
        moves, given = _is_any(model_type, MOVED), _is_any(model_type, GIVEN)
        kind = model_type.name if model_type.is_global else ""
        key = (kind, moves, given, owner, group, own, file_kind)
        if key not in self._cache:
            number = own
            if number is None:
                number = self._groups.get(self.actor.group_id if group is None else group, 0)
            permissions = omero.model.PermissionsI()
            permissions.setPerm1(number)
            permissions._restrictions = [
                not self.may(scope, model_type, owner, group, file_kind) for scope in _SCOPES
            ]
            actor = self.actor
            can_move = moves and (actor.has("Chgrp") or owner == actor.user_id)
            can_give = given and (actor.has("Chown") or group in actor.leader_of)
            permissions._restrictions += [not can_move, not can_give]
            permissions._extendedRestrictions = []
            self._cache[key] = permissions
        return self._cache[key]

    def is_private(self, group: int | None) -> bool:
        """Whether the members of a group do not see each other's data."""
        return group is not None and not self._granted(group, _GROUP, _READ)

    def _granted(self, group: int, role: int, right: int) -> bool:
        return _has(self._groups.get(group, 0), role, right)


def _has(permissions: int, role: int, right: int) -> bool:
    return bool(permissions & (right << role))


def _is_any(model_type: Type, names: frozenset[str]) -> bool:
    return not names.isdisjoint(lineage(model_type.name))
