"""Users and groups of a store, from a small YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from omero_embedded.store import Store
from omero_embedded.store.actor import PRIVILEGES

DEFAULT_USERS = Path(__file__).with_name("users.yaml")
_GROUP_FIELDS = {"permissions"}
_USER_FIELDS = {"first", "last", "groups", "leads", "admin", "privileges"}


class BadUsersFile(Exception):
    """A users file that cannot be what its author meant."""


ROOT = "root"


def load_users(store: Store, path: Path) -> str:
    """Make the groups and users that the file names; those of an earlier file stay.

    Returns who imports in a rehearsal: the first administrator of the file, or root.
    """
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BadUsersFile(f"{path}: {error}") from error
    groups = _section(content, "groups", _GROUP_FIELDS, path)
    users = _section(content, "users", _USER_FIELDS, path)
    for name, user in users.items():
        if not user.get("groups"):
            raise BadUsersFile(f"{path}: user {name} is in no group: give `groups: [...]`")
        foreign = set(user.get("leads", ())) - set(user["groups"])
        if foreign:
            raise BadUsersFile(f"{path}: user {name} leads {foreign.pop()} without being in it")
        unknown = set(user.get("privileges", ())) - PRIVILEGES
        if unknown:
            raise BadUsersFile(
                f"{path}: user {name} has {unknown.pop()}, known privileges are"
                f" {', '.join(sorted(PRIVILEGES))}"
            )
        if "privileges" in user and not user.get("admin"):
            raise BadUsersFile(f"{path}: user {name} has privileges: give `admin: true` too")
    for name, group in groups.items():
        store.ensure_group(name, group.get("permissions", "rw----"))
    for name, user in users.items():
        store.ensure_user(
            name,
            user.get("first", name),
            user.get("last", name),
            tuple(user["groups"]),
            leads=tuple(user.get("leads", ())),
            is_admin=bool(user.get("admin", False)),
            privileges=frozenset(user["privileges"]) if "privileges" in user else None,
        )
    return next((name for name, user in users.items() if user.get("admin")), ROOT)


def _section(content: Any, name: str, fields: set[str], path: Path) -> dict[str, dict[str, Any]]:
    if not isinstance(content, dict) or not isinstance(content.get(name, {}), dict):
        raise BadUsersFile(f"{path}: `{name}` must map names to their settings")
    section: dict[str, dict[str, Any]] = {}
    for key, value in content.get(name, {}).items():
        settings = {} if value is None else value
        if not isinstance(settings, dict):
            raise BadUsersFile(f"{path}: {name}.{key} must map names to their settings")
        unknown = set(settings) - fields
        if unknown:
            raise BadUsersFile(
                f"{path}: {name}.{key} has {', '.join(sorted(unknown))}, known are"
                f" {', '.join(sorted(fields))}"
            )
        section[str(key)] = settings
    return section
