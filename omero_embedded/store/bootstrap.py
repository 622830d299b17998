"""What a new store holds: enumerations, root and guest, the groups system, user and guest."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, insert

from omero_embedded.model.enumerations import BIT_SIZES, ENUMERATIONS
from omero_embedded.model.types import type_of
from omero_embedded.store.access import perm1
from omero_embedded.store.actor import (
    GUEST_GROUP_ID,
    GUEST_ID,
    ROOT_ID,
    SYSTEM_GROUP_ID,
    USER_GROUP_ID,
)
from omero_embedded.store.events import now
from omero_embedded.store.schema import CREATION, PERMISSIONS, TYPE, UPDATE, table_of
from omero_embedded.store.sequences import Sequences

_GROUPS = {
    SYSTEM_GROUP_ID: ("system", "rw----"),
    USER_GROUP_ID: ("user", "rwr-r-"),
    GUEST_GROUP_ID: ("guest", "rw----"),
}
_USERS = {ROOT_ID: ("root", "root", "root"), GUEST_ID: ("guest", "Guest", "Account")}
# user, group, is owner of it; a user's default group first
_MEMBERSHIPS = (
    (ROOT_ID, SYSTEM_GROUP_ID, True),
    (ROOT_ID, USER_GROUP_ID, False),
    (GUEST_ID, GUEST_GROUP_ID, False),
)


def fill(connection: Connection) -> None:
    """Fill the empty tables of a new store."""
    _enumerations(connection)
    _add(connection, "ExperimenterGroup", _groups())
    _add(connection, "Experimenter", _users())
    _add(connection, "GroupExperimenterMap", _memberships())
    _add(connection, "Node", [{"id": 0, "uuid": str(uuid.uuid4()), "conn": "", "up": now()}])
    _add(connection, "Session", [_internal_session()])
    _add(connection, "Event", [_first_event()])


def _enumerations(connection: Connection) -> None:
    for name, entries in ENUMERATIONS.items():
        rows = [{"id": number, "value": value} for number, value in enumerate(entries, 1)]
        if name == "PixelsType":
            for row in rows:
                row["bitSize"] = BIT_SIZES[str(row["value"])]
        _add(connection, name, rows)


def _groups() -> list[dict[str, Any]]:
    return [
        {"id": number, "name": name, "ldap": False, PERMISSIONS: perm1(permissions)}
        for number, (name, permissions) in _GROUPS.items()
    ]


def _users() -> list[dict[str, Any]]:
    return [
        {"id": number, "omeName": name, "firstName": first, "lastName": last, "ldap": False}
        for number, (name, first, last) in _USERS.items()
    ]


def _memberships() -> list[dict[str, Any]]:
    rows = []
    positions: dict[int, int] = {}
    for number, (user, group, is_owner) in enumerate(_MEMBERSHIPS, 1):
        position = positions.setdefault(user, 0)
        positions[user] += 1
        rows.append(
            {"id": number, "parent": group, "child": user, "owner": is_owner}
            | {"child_index": position}
        )
    return rows


def _internal_session() -> dict[str, Any]:
    return {
        "id": 0,
        "node": 0,
        "uuid": str(uuid.uuid4()),
        "owner": ROOT_ID,
        "timeToIdle": 0,
        "timeToLive": 0,
        "started": now(),
        "defaultEventType": "Internal",
    }


def _first_event() -> dict[str, Any]:
    return {
        "id": 0,
        "time": now(),
        "experimenter": ROOT_ID,
        "experimenterGroup": SYSTEM_GROUP_ID,
        "type": ENUMERATIONS["EventType"].index("Internal") + 1,
        "session": 0,
    }


def _add(connection: Connection, type_name: str, rows: list[dict[str, Any]]) -> None:
    event = None if type_name == "Event" else 0
    shared = {TYPE: type_name, "version": 0, CREATION: event, UPDATE: event}
    connection.execute(insert(table_of(type_of(type_name))), [shared | row for row in rows])
    sequences = Sequences(connection)
    while sequences.next(type_name) < max(row["id"] for row in rows):
        pass
    sequences.flush(connection)
