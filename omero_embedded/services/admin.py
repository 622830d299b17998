"""omero::api::IAdmin: who is who, and which group holds whom."""

from __future__ import annotations

from typing import Any

import omero
import omero.model
import omero.sys
from omero.rtypes import rlist, rlong, rstring, unwrap

from omero_embedded.services.account_changes import AccountChanges, id_of
from omero_embedded.sessions.acting import actor_of, event_context
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


class Admin(AccountChanges):
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

    def getExperimenter(self, call: Call, number: int) -> Any:
        return self._one(f"{_USERS} where e.id = :id", rlong(number), f"user {number}")

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

    def containedGroups(self, call: Call, number: int) -> list[Any]:
        return self._in(
            _GROUPS,
            "g.id in (select x.parent.id from GroupExperimenterMap x where x.child.id = :id)",
            number,
        )

    def getDefaultGroup(self, call: Call, number: int) -> Any:
        return self.getGroup(call, self._store.actor(number).group_id)

    def getMemberOfGroupIds(self, call: Call, user: Any) -> list[int]:
        return sorted(self._store.actor(id_of(user)).member_of)

    def getLeaderOfGroupIds(self, call: Call, user: Any) -> list[int]:
        return sorted(self._store.actor(id_of(user)).leader_of)

    def getCurrentAdminPrivileges(self, call: Call) -> list[Any]:
        return self._privileges(actor_of(call).privileges)

    def getAdminPrivileges(self, call: Call, user: Any) -> list[Any]:
        return self._privileges(self._store.actor(id_of(user)).privileges)

    def getAdminsWithPrivileges(self, call: Call, privileges: list[Any]) -> list[Any]:
        wanted = {unwrap(privilege.value) for privilege in privileges}
        return [
            admin
            for admin in self.containedExperimenters(call, SYSTEM_GROUP_ID)
            if self._store.actor(admin.id.val).privileges >= wanted
        ]

    def _privileges(self, names: frozenset[str]) -> list[Any]:
        with self._store.read(SERVER) as work:
            return [p for p in work.find_by("AdminPrivilege") if unwrap(p.value) in names]

    def lookupLdapAuthExperimenter(self, call: Call, number: int) -> str:
        return ""

    def lookupLdapAuthExperimenters(self, call: Call) -> Any:
        return rlist([])

    def getMyUserPhotos(self, call: Call) -> list[Any]:
        return []

    def synchronizeLoginCache(self, call: Call) -> None:
        return None

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
