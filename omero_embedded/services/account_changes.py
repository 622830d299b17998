"""What omero::api::IAdmin changes: users, groups, memberships, privileges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import omero
import omero.model
from omero.rtypes import rbool, unwrap

from omero_embedded.sessions.acting import actor_of
from omero_embedded.store import Actor, Store, Work
from omero_embedded.store.accounts import SERVER
from omero_embedded.store.actor import PRIVILEGES, ROOT_ID, SYSTEM_GROUP_ID, USER_GROUP_ID
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

_OF_USERS = ("omeName", "firstName", "middleName", "lastName", "email", "institution")


class AccountChanges:
    """For administrators with the privilege it takes; some also for the owners of the groups."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def createGroup(self, call: Call, group: Any) -> int:
        _check(actor_of(call), "ModifyGroup")
        name = unwrap(group.name)
        if self._store.is_group(name):
            raise errors.validation(f"there is a group {name!r} already")
        permissions = group.details.permissions if group.details is not None else None
        return self._store.ensure_group(name, str(permissions) if permissions else "rw----")

    def updateGroup(self, call: Call, group: Any) -> None:
        group_id = id_of(group)
        _check(actor_of(call), "ModifyGroup", [group_id])
        with self._store.write(SERVER) as work:
            known = work.get("ExperimenterGroup", group_id)
            known.name, known.description = group.name, group.description
            if group.details is not None and group.details.permissions is not None:
                known.details.permissions = group.details.permissions
            work.save(known)

    def createUser(self, call: Call, user: Any, group: str) -> int:
        with self._store.read(SERVER) as work:
            found = work.find_by("ExperimenterGroup", name=group)
        if not found:
            raise errors.api_usage(f"No such group: {group}")
        return self.createExperimenter(call, user, found[0], [])

    def createSystemUser(self, call: Call, user: Any) -> int:
        system = omero.model.ExperimenterGroupI(SYSTEM_GROUP_ID, False)
        return self.createExperimenter(call, user, system, [])

    def createRestrictedSystemUser(self, call: Call, user: Any, privileges: list[Any]) -> int:
        return self._create_admin(call, user, _names(privileges))

    def createRestrictedSystemUserWithPassword(
        self, call: Call, user: Any, privileges: list[Any], password: Any
    ) -> int:
        return self._create_admin(call, user, _names(privileges))

    def createExperimenter(self, call: Call, user: Any, default: Any, others: list[Any]) -> int:
        """The new user logs in with the store's password, like everyone."""
        groups = [id_of(group) for group in (default, *(others or ()))]
        actor = actor_of(call)
        _check(actor, "ModifyUser", [g for g in groups if g != USER_GROUP_ID])
        if SYSTEM_GROUP_ID in groups:
            _check_no_gain(actor, PRIVILEGES)
        return self._create(user, groups, None)

    def createExperimenterWithPassword(
        self, call: Call, user: Any, password: Any, default: Any, others: list[Any]
    ) -> int:
        return self.createExperimenter(call, user, default, others)

    def _create_admin(self, call: Call, user: Any, privileges: frozenset[str]) -> int:
        actor = actor_of(call)
        _check(actor, "ModifyUser")
        _check_no_gain(actor, privileges)
        return self._create(user, [SYSTEM_GROUP_ID], privileges)

    def _create(self, user: Any, groups: list[int], privileges: frozenset[str] | None) -> int:
        name = unwrap(user.omeName)
        if self._store.is_user(name):
            raise errors.validation(f"there is a user {name!r} already")
        return self._store.ensure_user(
            name,
            unwrap(user.firstName),
            unwrap(user.lastName),
            tuple(dict.fromkeys(self._group_names(groups))),
            privileges=privileges,
        )

    def updateExperimenter(self, call: Call, user: Any) -> None:
        if id_of(user) != actor_of(call).user_id:
            _check(actor_of(call), "ModifyUser")
        self._update(id_of(user), user)

    def updateSelf(self, call: Call, user: Any) -> None:
        self._update(actor_of(call).user_id, user)

    def _update(self, known_id: int, user: Any) -> None:
        with self._store.write(SERVER) as work:
            known = work.get("Experimenter", known_id)
            for field in _OF_USERS:
                setattr(known, field, getattr(user, field))
            work.save(known)

    def setAdminPrivileges(self, call: Call, user: Any, privileges: list[Any]) -> None:
        actor = actor_of(call)
        _check(actor, "ModifyUser")
        _check_no_gain(actor, _names(privileges) - self._store.actor(id_of(user)).privileges)
        self._store.set_privileges(id_of(user), _names(privileges))

    def setDefaultGroup(self, call: Call, user: Any, group: Any) -> None:
        actor = actor_of(call)
        if id_of(user) != actor.user_id and not actor.has("ModifyUser"):
            raise errors.security(f"User {id_of(user)} can only set own default group.")
        if id_of(group) == USER_GROUP_ID:
            raise errors.api_usage("Cannot set default group to: user")
        if id_of(group) not in self._store.actor(id_of(user)).member_of:
            raise errors.api_usage(f"user {id_of(user)} is not in group {id_of(group)}")
        self._store.set_default_group(id_of(user), id_of(group))

    def addGroups(self, call: Call, user: Any, groups: list[Any]) -> None:
        ids = [id_of(group) for group in groups]
        actor = actor_of(call)
        _check(actor, "ModifyGroupMembership", ids)
        if SYSTEM_GROUP_ID in ids:
            _check_no_gain(actor, PRIVILEGES)
        with self._store.read(SERVER) as work:
            known = work.get("Experimenter", id_of(user))
        self._store.ensure_user(
            known.omeName.val,
            known.firstName.val,
            known.lastName.val,
            tuple(self._group_names(ids)),
        )

    def removeGroups(self, call: Call, user: Any, groups: list[Any]) -> None:
        ids = {id_of(group) for group in groups}
        actor = actor_of(call)
        _check(actor, "ModifyGroupMembership", ids)
        whose = id_of(user)
        if ids & {SYSTEM_GROUP_ID, USER_GROUP_ID} and whose in (ROOT_ID, actor.user_id):
            raise errors.validation(
                "neither root nor you yourself may be removed from the groups 'system' and 'user'"
            )
        if not self._store.actor(whose).member_of - ids - {USER_GROUP_ID}:
            raise errors.validation(
                "a user cannot be a member of only the 'user' group, a different default group is"
                " also required"
            )
        with self._store.write(SERVER) as work:
            for group_id in ids:
                found = _memberships(work, group_id, whose)
                work.delete("GroupExperimenterMap", [membership.id.val for membership in found])

    def setGroupOwner(self, call: Call, group: Any, user: Any) -> None:
        self._set_owners(call, group, [user], True)

    def unsetGroupOwner(self, call: Call, group: Any, user: Any) -> None:
        self._set_owners(call, group, [user], False)

    def addGroupOwners(self, call: Call, group: Any, users: list[Any]) -> None:
        self._set_owners(call, group, users, True)

    def removeGroupOwners(self, call: Call, group: Any, users: list[Any]) -> None:
        self._set_owners(call, group, users, False)

    def _set_owners(self, call: Call, group: Any, users: list[Any], is_owner: bool) -> None:
        _check(actor_of(call), "ModifyGroupMembership", [id_of(group)])
        with self._store.write(SERVER) as work:
            for user in users:
                memberships = _memberships(work, id_of(group), id_of(user))
                if not memberships:
                    raise errors.validation(f"user {id_of(user)} is not in that group")
                memberships[0].owner = rbool(is_owner)
                work.save(memberships[0])

    def changePassword(self, call: Call, password: Any) -> None:
        raise _no_passwords()

    def changePasswordWithOldPassword(self, call: Call, old: Any, new: Any) -> None:
        raise _no_passwords()

    def changeUserPassword(self, call: Call, user: str, password: Any) -> None:
        raise _no_passwords()

    def _group_names(self, ids: Iterable[int]) -> list[str]:
        with self._store.read(SERVER) as work:
            return [work.get("ExperimenterGroup", group_id).name.val for group_id in ids]


def id_of(known: Any) -> int:
    """The id of a user or group that a client gives. Raises omero.ApiUsageException without."""
    if known is None or known.id is None:
        raise errors.api_usage("which user or group? It has no id")
    return int(known.id.val)


def _check(actor: Actor, privilege: str, groups: Iterable[int] | None = None) -> None:
    """Administrators with the privilege may, and who owns all of the `groups`, when any."""
    if actor.has(privilege):
        return
    if groups is None or not actor.leader_of.issuperset(groups):
        raise errors.security(
            "Current user is neither admin nor group-leader for given user(s)/group(s)"
        )


def _check_no_gain(actor: Actor, given: frozenset[str]) -> None:
    if not given <= actor.privileges:
        raise errors.security(
            "cannot give administrator privileges that current user does not have"
        )


def _names(privileges: Iterable[Any]) -> frozenset[str]:
    return frozenset(unwrap(privilege.value) for privilege in privileges)


def _memberships(work: Work, group_id: int, whose: int) -> list[Any]:
    return work.find_by("GroupExperimenterMap", parent=group_id, child=whose)


def _no_passwords() -> Any:
    return errors.api_usage(
        "the embedded server has one password for everyone, which is in its folder and stays"
    )
