"""omero.cmd.Chgrp2 and Chown2: data moves to another group, or is given to another user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import omero
import omero.cmd

from omero_embedded.commands.deleting import options_of, targets_of
from omero_embedded.commands.handle import Failed, Task
from omero_embedded.model.types import all_types, lineage, type_of
from omero_embedded.store import ALL_GROUPS, Actor, Change, Store, Work
from omero_embedded.store.graph_targets import DELETED, FOUND, GIVEN, MOVED

_STARTS = {
    omero.cmd.Chgrp2: MOVED,
    omero.cmd.Chown2: GIVEN,
    omero.cmd.Delete2: DELETED,
    omero.cmd.FindChildren: FOUND,
    omero.cmd.FindParents: FOUND,
    omero.cmd.Chmod2: frozenset(["ExperimenterGroup"]),
}


def moving_task(store: Store, actor: Actor, request: Any) -> Task:
    """The task of a Chgrp2 or a Chown2, of one step."""
    done: list[Change] = []

    def run() -> None:
        try:
            with store.write(actor.in_group(ALL_GROUPS)) as work:
                done.append(_change(store, work, request))
        except omero.ServerError as error:
            raise Failed("graph-fail", error.message) from error

    return Task(request, [run], lambda: _response(request, done[0]))


def _change(store: Store, work: Work, request: Any) -> Change:
    targets, (keep, include) = targets_of(request), options_of(request)
    is_dry = bool(request.dryRun)
    if isinstance(request, omero.cmd.Chgrp2):
        return work.move(targets, request.groupId, keep, include, is_dry)
    if request.targetUsers:
        raise Failed("bad-options", "only objects are given here, not all that a user has")
    member_of = store.actor(request.userId).member_of
    return work.give(targets, request.userId, member_of, keep, include, is_dry)


def _response(request: Any, change: Change) -> Any:
    kind = (
        omero.cmd.Chgrp2Response
        if isinstance(request, omero.cmd.Chgrp2)
        else omero.cmd.Chown2Response
    )
    return kind(_named(change.included), _named(change.deleted))


def _named(ids: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """With the names that OMERO gives the types there: "ome.model.core.Image"."""
    return {type_of(name).java_name: list(found) for name, found in ids.items()}


def targets_task(request: Any) -> Task:
    """The task of a LegalGraphTargets: which types a request may start from."""
    response = omero.cmd.LegalGraphTargetsResponse(targets=[])

    def collect() -> None:
        starts = next((s for kind, s in _STARTS.items() if isinstance(request.request, kind)), None)
        if starts is None:
            raise Failed("graph-no-targets", "that is no request over the graph of objects")
        response.targets = sorted(
            known.java_name
            for known in all_types().values()
            if not starts.isdisjoint(lineage(known.name))
        )

    return Task(request, [collect], lambda: response)
