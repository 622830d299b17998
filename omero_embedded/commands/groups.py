"""omero.cmd.Chmod2: other permissions for a group, and so for all that is in it."""

from __future__ import annotations

from typing import Any

import omero
import omero.cmd

from omero_embedded.commands.handle import Failed, Task
from omero_embedded.store import Actor, Store
from omero_embedded.store.accounts import SERVER


def permissions_task(store: Store, actor: Actor, request: Any) -> Task:
    """The task of a Chmod2, of one step: for administrators and for the groups' owners."""
    targets = request.targetObjects or {}
    changed = [group_id for ids in targets.values() for group_id in ids]

    def change() -> None:
        if {name.rpartition(".")[2] for name in targets} - {"ExperimenterGroup"}:
            raise Failed("graph-fail", "only groups have permissions of their own")
        foreign = set() if actor.is_admin else set(changed) - actor.leader_of
        if foreign:
            raise Failed("graph-fail", f"group {min(foreign)} is not yours to change")
        with store.write(SERVER) as work:
            for group_id in changed:
                group = work.get("ExperimenterGroup", group_id)
                group.details.permissions = omero.model.PermissionsI(request.permissions)
                if not request.dryRun:
                    work.save(group)

    included = {"ome.model.meta.ExperimenterGroup": changed}
    return Task(request, [change], lambda: omero.cmd.Chmod2Response(included, {}))
