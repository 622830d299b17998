"""Which task answers which request."""

from __future__ import annotations

from typing import Any

import omero
import omero.all

from omero_embedded.commands.checking import checksum_task
from omero_embedded.commands.deleting import delete_task
from omero_embedded.commands.groups import permissions_task
from omero_embedded.commands.handle import Failed, Task
from omero_embedded.commands.moving import moving_task, targets_task
from omero_embedded.commands.sessions import timeout_task, who_task
from omero_embedded.commands.usage import usage_task
from omero_embedded.pixels.thumbnails import Thumbnails
from omero_embedded.repository.files import Repository
from omero_embedded.sessions.acting import actor_of
from omero_embedded.sessions.registry import Sessions
from omero_embedded.store import Actor, Store
from omero_embedded.store.actor import GUEST_ID
from omero_embedded.wire.servants import Call


class Commands:
    def __init__(
        self,
        store: Store,
        sessions: Sessions,
        repository: Repository,
        thumbnails: Thumbnails,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._repository = repository
        self._thumbnails = thumbnails

    def task(self, call: Call, request: Any) -> Task:
        """The task of a request; one that ends in ERR when it cannot be begun.

        `submit` declares no exceptions, so nothing is raised here.
        """
        try:
            return self._task(actor_of(call), request)
        except omero.ServerError as error:
            return _refused(request, "error-on-init", error.message)

    def _task(self, actor: Actor, request: Any) -> Task:
        if actor.user_id == GUEST_ID:
            return _refused(request, "guest-restriction", "the guest user may not do anything")
        if _is_delete(request):
            return delete_task(self._repository, self._thumbnails, actor, request)
        if isinstance(request, omero.cmd.SkipHead) and _is_delete(request.request):
            return delete_task(self._repository, self._thumbnails, actor, request)
        if isinstance(request, omero.cmd.DiskUsage2):
            return usage_task(self._store, actor, request)
        if isinstance(request, omero.cmd.Chgrp2 | omero.cmd.Chown2):
            return moving_task(self._store, actor, request)
        if isinstance(request, omero.cmd.LegalGraphTargets):
            return targets_task(request)
        if isinstance(request, omero.cmd.Chmod2):
            return permissions_task(self._store, actor, request)
        if isinstance(request, omero.cmd.DoAll):
            return self._all_of(actor, request)
        if isinstance(request, omero.cmd.CurrentSessionsRequest):
            return who_task(self._store, self._sessions, actor, request)
        if isinstance(request, omero.cmd.UpdateSessionTimeoutRequest):
            return timeout_task(self._sessions, actor, request)
        if isinstance(request, omero.cmd.OriginalMetadataRequest):
            return self._original_metadata(actor, request)
        if isinstance(request, omero.grid.RawAccessRequest):
            return checksum_task(self._repository, actor, request)
        kind = "null" if request is None else request.ice_id()
        return _refused(request, "unknown-request", f"{kind} is not in the embedded server")

    def _original_metadata(self, actor: Actor, request: Any) -> Task:
        """Which fileset an image came with. What its format says beyond OME's model is not read."""
        response = omero.cmd.OriginalMetadataResponse(globalMetadata={}, seriesMetadata={})

        def find() -> None:
            with self._store.read(actor) as work:
                fileset = work.get("Image", request.imageId).fileset
            response.filesetId = None if fileset is None else fileset.id

        return Task(request, [find], lambda: response)

    def _all_of(self, actor: Actor, request: Any) -> Task:
        """One step for each request; the first that fails ends the whole."""
        tasks = [self._task(actor, part) for part in request.requests or ()]
        steps = [step for task in tasks for step in task.steps]
        return Task(
            request,
            steps,
            lambda: omero.cmd.DoAllRsp(responses=[t.response() for t in tasks], status=[]),
        )


def _is_delete(request: Any) -> bool:
    return isinstance(request, omero.cmd.Delete2)


def _refused(request: Any, name: str, message: str) -> Task:
    def refuse() -> None:
        raise Failed(name, message)

    return Task(request, [refuse], lambda: None)
