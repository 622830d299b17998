"""Users, groups and memberships: model objects like any other, and who acts by them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import omero
from omero.rtypes import rbool, rstring
from sqlalchemy import Connection, select

from omero_embedded.model.types import type_of
from omero_embedded.store.actor import (
    ALL_GROUPS,
    PRIVILEGES,
    ROOT_ID,
    SYSTEM_GROUP_ID,
    USER_GROUP_ID,
    Actor,
)
from omero_embedded.store.errors import forbidden
from omero_embedded.store.schema import table_of
from omero_embedded.store.work import Work

PRIVILEGE_CONFIG = "AdminPrivilege:"
SERVER = Actor(ROOT_ID, SYSTEM_GROUP_ID, is_admin=True, event_type="Internal", trusted=True)


def actor(
    connection: Connection,
    user: str | int,
    group: str | int | None,
    session_id: int,
    event_type: str,
    sudoer_id: int | None = None,
) -> Actor:
    """See Store.actor."""
    user_id = find(connection, "Experimenter", "omeName", user)
    if user_id is None:
        raise forbidden(f"There is no user {user}")
    member_of, leader_of = _groups_of(connection, user_id)
    default = next((g for g in member_of if g != USER_GROUP_ID), USER_GROUP_ID)
    privileges = _privileges(connection, user_id)
    if sudoer_id is not None:
        # Nobody gains by becoming someone else.
        sudoer = actor(connection, sudoer_id, ALL_GROUPS, 0, event_type)
        privileges &= sudoer.privileges
        if not sudoer.has("Sudo"):
            member_of = [g for g in member_of if g in sudoer.member_of]
            leader_of = [g for g in leader_of if g in sudoer.leader_of]
    is_admin = SYSTEM_GROUP_ID in member_of
    group_id = default if group is None else _group_id(connection, group)
    if group_id != ALL_GROUPS and not is_admin and group_id not in member_of:
        raise forbidden(f"User {user} is not a member of group {group} and cannot login")
    return Actor(
        user_id=user_id,
        group_id=group_id,
        is_admin=is_admin,
        member_of=frozenset(member_of),
        leader_of=frozenset(leader_of),
        privileges=privileges if is_admin else frozenset(),
        sudoer_id=sudoer_id,
        session_id=session_id,
        event_type=event_type,
    )


def _groups_of(connection: Connection, user_id: int) -> tuple[list[int], list[int]]:
    """The groups that a user is in, the default one first, and those among them that the user
    leads."""
    memberships = table_of(type_of("GroupExperimenterMap"))
    rows = connection.execute(
        select(memberships.c.parent, memberships.c.owner)
        .where(memberships.c.child == user_id)
        .order_by(memberships.c.child_index)
    ).all()
    return [row.parent for row in rows], [row.parent for row in rows if row.owner]


def _privileges(connection: Connection, user_id: int) -> frozenset[str]:
    """What an administrator may do: everything that Experimenter.config does not take away."""
    if user_id == ROOT_ID:
        return PRIVILEGES
    table = table_of(type_of("Experimenter"))
    config = connection.scalar(select(table.c.config).where(table.c.id == user_id))
    lacking = {
        name.removeprefix(PRIVILEGE_CONFIG)
        for name, value in json.loads(config or "[]")
        if name.startswith(PRIVILEGE_CONFIG) and value.lower() != "true"
    }
    return PRIVILEGES - lacking


def set_privileges(work: Work, user_id: int, privileges: frozenset[str]) -> None:
    """Leave an administrator these privileges and no others."""
    user = work.get("Experimenter", user_id)
    kept = [v for v in user.getConfig() or () if not v.name.startswith(PRIVILEGE_CONFIG)]
    lacking = sorted(PRIVILEGES - privileges)
    user.setConfig(kept + [omero.model.NamedValue(PRIVILEGE_CONFIG + p, "false") for p in lacking])
    work.save(user)


def set_default_group(work: Work, user_id: int, group_id: int) -> None:
    """Put a membership first: the default group is that of the first one."""
    memberships = work.find_by("GroupExperimenterMap", child=user_id)
    user = work.get("Experimenter", user_id)
    memberships.sort(key=lambda m: bool(m.getParent().getId().getValue() != group_id))
    user._groupExperimenterMapSeq = memberships
    user._groupExperimenterMapLoaded = True
    work.save(user)


def ensure_group(work: Work, name: str, permissions: str) -> int:
    """See Store.ensure_group."""
    found = work.find_by("ExperimenterGroup", name=name)
    group = found[0] if found else omero.model.ExperimenterGroupI()
    group.setName(rstring(name))
    if not found:
        group.setLdap(rbool(False))
    group.getDetails().setPermissions(omero.model.PermissionsI(permissions))
    return int(work.save(group).getId().getValue())


def ensure_user(work: Work, name: str, first_name: str, last_name: str) -> int:
    """The id of the user of that name, made when needed, without memberships."""
    found = work.find_by("Experimenter", omeName=name)
    if found:
        return int(found[0].getId().getValue())
    user = omero.model.ExperimenterI()
    user.setOmeName(rstring(name))
    user.setFirstName(rstring(first_name))
    user.setLastName(rstring(last_name))
    user.setLdap(rbool(False))
    return int(work.save(user).getId().getValue())


def ensure_memberships(
    work: Work, user_id: int, groups: Sequence[str], leads: Sequence[str]
) -> None:
    """Make the user a member of these groups; those that do not exist are made private."""
    joined = {
        membership.getParent().getId().getValue(): membership
        for membership in work.find_by("GroupExperimenterMap", child=user_id)
    }
    for name in groups:
        found = work.find_by("ExperimenterGroup", name=name)
        group_id = found[0].getId().getValue() if found else ensure_group(work, name, "rw----")
        membership: Any = joined.get(group_id)
        if membership is None:
            membership = omero.model.GroupExperimenterMapI()
            membership.setParent(omero.model.ExperimenterGroupI(group_id, False))
            membership.setChild(omero.model.ExperimenterI(user_id, False))
            membership.setOwner(rbool(False))
        if name in leads:
            membership.setOwner(rbool(True))
        work.save(membership)


def _group_id(connection: Connection, group: str | int) -> int:
    if group == ALL_GROUPS:
        return ALL_GROUPS
    found = find(connection, "ExperimenterGroup", "name", group)
    if found is None:
        raise forbidden(f"There is no group {group}")
    return found


def find(connection: Connection, type_name: str, field: str, wanted: str | int) -> int | None:
    table = table_of(type_of(type_name))
    key = table.c.id if isinstance(wanted, int) else table.c[field]
    return connection.scalar(select(table.c.id).where(key == wanted))
