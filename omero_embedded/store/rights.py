"""What a save may do: whose new objects are, in which group, and what they may be linked to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from omero.rtypes import unwrap
from sqlalchemy import Connection

from omero_embedded.model.types import Type, lineage, type_of
from omero_embedded.store.access import Access, Scope, file_kind
from omero_embedded.store.actor import ALL_GROUPS, SYSTEM_GROUP_ID, USER_GROUP_ID
from omero_embedded.store.errors import across_groups, forbidden, invalid
from omero_embedded.store.loading import by_ids
from omero_embedded.store.schema import GROUP, OWNER, TYPE, table_of

_FILE = "OriginalFile"


class Rights:
    """Judges the objects of one save against those that exist already (`look_up` them first)."""

    def __init__(self, connection: Connection, access: Access) -> None:
        self._connection = connection
        self._access = access
        self._standing: dict[tuple[str, int], Any] = {}
        self._new_groups: dict[tuple[str, int], int | None] = {}

    def look_up(self, claimed: Mapping[str, Mapping[int, Type]]) -> None:
        """Read whose the existing objects of a graph are (root -> id -> type they are said to be).
        Raises for what is missing, of another type or hidden."""
        for root, objects in claimed.items():
            shown = ["id", TYPE, OWNER, GROUP]
            if root == "OriginalFile":
                shown += ["mimetype", "repo"]
            statement = by_ids(table_of(type_of(root)), *shown)
            rows = self._connection.execute(statement, {"ids": json.dumps(list(objects))})
            for row in rows.mappings():
                self._standing[root, row["id"]] = row
            for object_id, model_type in objects.items():
                self._check_standing(model_type, object_id)

    def _check_standing(self, claimed: Type, object_id: int) -> None:
        row = self._standing.get((claimed.root, object_id))
        if row is None or claimed.name not in lineage(row[TYPE]):
            raise invalid(f"No {claimed.name} with id {object_id}: it cannot be referred to")
        if not self._access.may_read(claimed, row[OWNER], row[GROUP]):
            raise forbidden(f"Cannot read {claimed.java_name}:Id_{object_id}")

    def standing_of_new(
        self, item: Any, model_type: Type, object_id: int
    ) -> tuple[int | None, int | None]:
        """Owner and group of a new object, as asked for in its details or as the call has it."""
        actor = self._access.actor
        if model_type.is_global:
            if not (actor.trusted or self._access.is_privileged(model_type, None, "Write")):
                raise forbidden(
                    f"{model_type.java_name} is a System-type, and may be created only through "
                    "privileged APIs."
                )
            return None, None
        if model_type.name == "OriginalFile" and item._repo is not None and not actor.trusted:
            raise forbidden(f"cannot set repo property of {model_type.java_name} via ORM")
        kind = file_kind(model_type, _file_fields(item)) if model_type.name == _FILE else None
        is_privileged = actor.trusted or self._access.is_privileged(model_type, kind, "Write")
        owner = self._owner_of_new(model_type, item._details, is_privileged)
        group = self._group_of_new(model_type, item._details, is_privileged)
        if not self._access.may_create_in(group, model_type, kind):
            raise forbidden(f"You are not authorized to create {model_type.name} in group {group}")
        self._new_groups[model_type.root, object_id] = group
        return owner, group

    def _owner_of_new(self, model_type: Type, details: Any, is_privileged: bool) -> int:
        actor = self._access.actor
        given = details._owner if details is not None else None
        owner = actor.user_id if given is None else int(given._id.getValue())
        if owner != actor.user_id and not is_privileged:
            raise forbidden(
                f"You are not authorized to set the Experimenter of a {model_type.name} to {owner}"
            )
        return owner

    def _group_of_new(self, model_type: Type, details: Any, is_privileged: bool) -> int:
        actor = self._access.actor
        given = details._group if details is not None else None
        group = self._common_group if given is None else int(given._id.getValue())
        if group is None:
            raise forbidden(
                f"A new {model_type.name} has no group: the call is made in all groups (-1) and "
                "nothing in it says which one. Set omero.group or link to an existing object"
            )
        if given is not None and not actor.trusted and group != actor.group_id:
            is_open = actor.group_id == ALL_GROUPS and (is_privileged or group in actor.member_of)
            if not (is_open or (is_privileged and group == USER_GROUP_ID)):
                raise forbidden(
                    f"You are not authorized to set the ExperimenterGroup of a {model_type.name} "
                    f"to {group}: the call is made in group {actor.group_id}"
                )
        return group

    @cached_property
    def _common_group(self) -> int | None:
        """The call's group; in all groups at once, that of the objects that the graph refers to."""
        if self._access.actor.group_id != ALL_GROUPS:
            return self._access.actor.group_id
        groups = {row[GROUP] for row in self._standing.values()}
        groups -= {None, SYSTEM_GROUP_ID, USER_GROUP_ID}
        if len(groups) > 1:
            raise across_groups(f"The objects to be linked are in several groups: {sorted(groups)}")
        return groups.pop() if groups else None

    def check_edit(self, model_type: Type, row: Mapping[str, Any], changed: Iterable[str]) -> None:
        """Raises omero.SecurityViolation when the actor may not change these columns."""
        actor = self._access.actor
        name = f"{model_type.java_name}:Id_{row['id']}"
        is_privileged = actor.trusted or self._access.is_privileged(model_type, None, "Write")
        if {OWNER, GROUP} & set(changed) and not is_privileged:
            raise forbidden(f"You are not authorized to change the owner or group of {name}")
        is_file = model_type.name == "OriginalFile"
        if is_file and {"repo", "path"} & set(changed) and not actor.trusted:
            raise forbidden(f"cannot set repo or path of {name} via ORM")
        kind = file_kind(model_type, row)
        if not self._access.may("edit", model_type, row[OWNER], row[GROUP], kind):
            raise forbidden(f"Updating {name} not allowed.")

    def check_links(self, model_type: Type, row: Mapping[str, Any], changed: set[str]) -> None:
        """What a row points to must be in its group, and open to being linked by the actor."""
        if model_type.is_global or self._access.actor.trusted:
            return
        for member in model_type.references:
            target = type_of(member.target)
            if row[member.name] is not None and member.name in changed and not target.is_global:
                self._check_link(model_type, row[GROUP], target, row[member.name])

    def _check_link(self, model_type: Type, group: int, target: Type, target_id: int) -> None:
        standing = self._standing.get((target.root, target_id))
        target_group = (
            standing[GROUP] if standing else self._new_groups.get((target.root, target_id))
        )
        if target_group in (SYSTEM_GROUP_ID, USER_GROUP_ID):
            return
        if target_group != group:
            raise across_groups(
                f"{model_type.name} in group {group} cannot be linked to "
                f"{target.name}:{target_id} in group {target_group}"
            )
        scope = _needed_scope(model_type, target)
        if standing is None or scope is None:
            return
        kind = file_kind(target, standing)
        if not self._access.may(scope, target, standing[OWNER], group, kind):
            raise forbidden(
                f"Cannot link to {target.java_name}:Id_{target_id}: it belongs to user "
                f"{standing[OWNER]}, and the permissions of group {group} do not allow it"
            )


def _needed_scope(model_type: Type, target: Type) -> Scope | None:
    if "RenderingDef" in (model_type.name, target.name):
        return None
    if model_type.name == "Thumbnail" and target.name == "Pixels":
        return None
    if model_type.name.endswith("AnnotationLink"):
        return "annotate"
    if model_type.name == "Roi" and target.name == "Image":
        return "annotate"
    return "link"


def _file_fields(item: Any) -> dict[str, Any]:
    return {"mimetype": unwrap(item._mimetype), "repo": item._repo}
