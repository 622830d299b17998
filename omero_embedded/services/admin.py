"""omero::api::IAdmin: who is who, and which group holds whom."""

from __future__ import annotations

from typing import Any

import omero
import omero.model
import omero.sys
from omero.rtypes import rlist, rlong, rstring, unwrap

from omero_embedded.sessions.acting import actor_of, event_context
from omero_embedded.store import Store
from omero_embedded.store.accounts import SERVER
from omero_embedded.store.actor import (
    GUEST_GROUP_ID,
    GUEST_ID,
    ROOT_ID,
    SYSTEM_GROUP_ID,
    USER_GROUP_ID,
)
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

_USERS = (
    "select distinct e from Experimenter e left outer join fetch e.groupExperimenterMap m"
    " left outer join fetch m.parent g left outer join fetch g.groupExperimenterMap"
)
_GROUPS = (
    "select distinct g from ExperimenterGroup g left outer join fetch g.groupExperimenterMap m"
    " left outer join fetch m.child"
)


class Admin:
    def __init__(self, store: Store) -> None:
        self._store = store

    def getEventContext(self, call: Call) -> Any:
        return event_context(self._store, call.caller.session, actor_of(call))

    def getSecurityRoles(self, call: Call) -> Any:
        roles = omero.sys.Roles()
        roles.rootId, roles.rootName = ROOT_ID, "root"
        roles.guestId, roles.guestName = GUEST_ID, "guest"
        roles.systemGroupId, roles.systemGroupName = SYSTEM_GROUP_ID, "system"
        roles.userGroupId, roles.userGroupName = USER_GROUP_ID, "user"
        roles.guestGroupId, roles.guestGroupName = GUEST_GROUP_ID, "guest"
        return roles

    def canUpdate(self, call: Call, known: Any) -> bool:
        with self._store.read(actor_of(call)) as work:
            found = work.find(type(known).__name__, unwrap(known.id))
        return found is not None and bool(found.details.permissions.canEdit())

    def getExperimenter(self, call: Call, user_id: int) -> Any:
        return self._one(f"{_USERS} where e.id = :id", rlong(user_id), f"user {user_id}")

    def lookupExperimenter(self, call: Call, name: str) -> Any:
        return self._one(f"{_USERS} where e.omeName = :id", rstring(name), f"user {name!r}")

    def lookupExperimenters(self, call: Call) -> list[Any]:
        return self._all(f"{_USERS} order by e.id")

    def getGroup(self, call: Call, group_id: int) -> Any:
        return self._one(f"{_GROUPS} where g.id = :id", rlong(group_id), f"group {group_id}")

    def lookupGroup(self, call: Call, name: str) -> Any:
        return self._one(f"{_GROUPS} where g.name = :id", rstring(name), f"group {name!r}")

    def lookupGroups(self, call: Call) -> list[Any]:
        return self._all(f"{_GROUPS} order by g.id")

    def containedExperimenters(self, call: Call, group_id: int) -> list[Any]:
        return self._in(
            _USERS,
            "e.id in (select x.child.id from GroupExperimenterMap x where x.parent.id = :id)",
            group_id,
        )

    def containedGroups(self, call: Call, user_id: int) -> list[Any]:
        return self._in(
            _GROUPS,
            "g.id in (select x.parent.id from GroupExperimenterMap x where x.child.id = :id)",
            user_id,
        )

    def getDefaultGroup(self, call: Call, user_id: int) -> Any:
        return self.getGroup(call, self._store.actor(user_id).group_id)

    def getMemberOfGroupIds(self, call: Call, user: Any) -> list[int]:
        return sorted(self._store.actor(self._user_id(user)).member_of)

    def getLeaderOfGroupIds(self, call: Call, user: Any) -> list[int]:
        return sorted(self._store.actor(self._user_id(user)).leader_of)

    def getCurrentAdminPrivileges(self, call: Call) -> list[Any]:
        return self._privileges(actor_of(call).is_admin)

    def getAdminPrivileges(self, call: Call, user: Any) -> list[Any]:
        return self._privileges(self._store.actor(self._user_id(user)).is_admin)

    def getAdminsWithPrivileges(self, call: Call, privileges: list[Any]) -> list[Any]:
        return self.containedExperimenters(call, SYSTEM_GROUP_ID)

    def lookupLdapAuthExperimenter(self, call: Call, user_id: int) -> str:
        return ""

    def lookupLdapAuthExperimenters(self, call: Call) -> Any:
        return rlist([])

    def getMyUserPhotos(self, call: Call) -> list[Any]:
        return []

    def synchronizeLoginCache(self, call: Call) -> None:
        return None

    def changePassword(self, call: Call, password: Any) -> None:
        raise _no_passwords()

    def changePasswordWithOldPassword(self, call: Call, old: Any, new: Any) -> None:
        raise _no_passwords()

    def changeUserPassword(self, call: Call, user: str, password: Any) -> None:
        raise _no_passwords()

    def createGroup(self, call: Call, group: Any) -> int:
        self._check_admin(call)
        name = unwrap(group.name)
        with self._store.read(SERVER) as work:
            if work.find_by("ExperimenterGroup", name=name):
                raise errors.validation(f"there is a group {name!r} already")
        permissions = group.details.permissions if group.details is not None else None
        return self._store.ensure_group(name, str(permissions) if permissions else "rw----")

    def createExperimenter(self, call: Call, user: Any, default: Any, others: list[Any]) -> int:
        """The new user logs in with the store's password, like everyone."""
        self._check_admin(call)
        name = unwrap(user.omeName)
        with self._store.read(SERVER) as work:
            if work.find_by("Experimenter", omeName=name):
                raise errors.validation(f"there is a user {name!r} already")
            groups = [
                work.get("ExperimenterGroup", unwrap(group.id)).name.val
                for group in (default, *(others or ()))
            ]
        return self._store.ensure_user(
            name, unwrap(user.firstName), unwrap(user.lastName), tuple(dict.fromkeys(groups))
        )

    def createExperimenterWithPassword(
        self, call: Call, user: Any, password: Any, default: Any, others: list[Any]
    ) -> int:
        return self.createExperimenter(call, user, default, others)

    def addGroups(self, call: Call, user: Any, groups: list[Any]) -> None:
        self._check_admin(call)
        with self._store.read(SERVER) as work:
            known = work.get("Experimenter", self._user_id(user))
            names = [work.get("ExperimenterGroup", unwrap(g.id)).name.val for g in groups]
        self._store.ensure_user(
            known.omeName.val, known.firstName.val, known.lastName.val, tuple(names)
        )

    def removeGroups(self, call: Call, user: Any, groups: list[Any]) -> None:
        self._check_admin(call)
        with self._store.write(SERVER) as work:
            for group in groups:
                for membership in work.find_by(
                    "GroupExperimenterMap", parent=unwrap(group.id), child=self._user_id(user)
                ):
                    work.delete("GroupExperimenterMap", [membership.id.val])

    def setGroupOwner(self, call: Call, group: Any, user: Any) -> None:
        self._set_owner(call, group, [user], True)

    def unsetGroupOwner(self, call: Call, group: Any, user: Any) -> None:
        self._set_owner(call, group, [user], False)

    def addGroupOwners(self, call: Call, group: Any, users: list[Any]) -> None:
        self._set_owner(call, group, users, True)

    def removeGroupOwners(self, call: Call, group: Any, users: list[Any]) -> None:
        self._set_owner(call, group, users, False)

    def _set_owner(self, call: Call, group: Any, users: list[Any], is_owner: bool) -> None:
        self._check_admin(call)
        with self._store.write(SERVER) as work:
            for user in users:
                memberships = work.find_by(
                    "GroupExperimenterMap", parent=unwrap(group.id), child=self._user_id(user)
                )
                if not memberships:
                    raise errors.validation(f"user {self._user_id(user)} is not in that group")
                memberships[0].owner = omero.rtypes.rbool(is_owner)
                work.save(memberships[0])

    def _check_admin(self, call: Call) -> None:
        if not actor_of(call).is_admin:
            raise errors.security("only administrators may change users and groups")

    def _user_id(self, user: Any) -> int:
        if user is None or user.id is None:
            raise errors.api_usage("which user? The experimenter has no id")
        return int(user.id.val)

    def _privileges(self, is_admin: bool) -> list[Any]:
        if not is_admin:
            return []
        with self._store.read(SERVER) as work:
            return work.find_by("AdminPrivilege")

    def _all(self, hql: str) -> list[Any]:
        with self._store.read(SERVER) as work:
            return work.query(hql)

    def _in(self, hql: str, condition: str, object_id: int) -> list[Any]:
        with self._store.read(SERVER) as work:
            return work.query(f"{hql} where {condition}", {"id": rlong(object_id)})

    def _one(self, hql: str, value: Any, what: str) -> Any:
        with self._store.read(SERVER) as work:
            found = work.query(hql, {"id": value})
        if not found:
            raise errors.api_usage(f"there is no {what}")
        return found[0]


def _no_passwords() -> Any:
    return errors.api_usage(
        "the embedded server has one password for everyone, which is in its folder and stays"
    )
