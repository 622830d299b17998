"""Which task answers which request."""

from __future__ import annotations

from typing import Any

import omero
import omero.all

from omero_embedded.commands.deleting import delete_task
from omero_embedded.commands.handle import Failed, Task
from omero_embedded.commands.sessions import timeout_task, who_task
from omero_embedded.pixels.thumbnails import Thumbnails
from omero_embedded.repository.files import Repository
from omero_embedded.sessions.acting import actor_of
from omero_embedded.sessions.registry import Sessions
from omero_embedded.store import Actor, Store
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
        """The task of a request; one that ends in ERR when the server does not know it."""
        return self._task(actor_of(call), request)

    def _task(self, actor: Actor, request: Any) -> Task:
        if isinstance(request, omero.cmd.Delete2):
            return delete_task(self._repository, self._thumbnails, actor, request)
        if isinstance(request, omero.cmd.DoAll):
            return self._all_of(actor, request)
        if isinstance(request, omero.cmd.CurrentSessionsRequest):
            return who_task(self._store, self._sessions, actor, request)
        if isinstance(request, omero.cmd.UpdateSessionTimeoutRequest):
            return timeout_task(self._sessions, actor, request)
        return _unknown(request)

    def _all_of(self, actor: Actor, request: Any) -> Task:
        """One step for each request; the first that fails ends the whole."""
        tasks = [self._task(actor, part) for part in request.requests or ()]
        steps = [step for task in tasks for step in task.steps]
        return Task(
            request,
            steps,
            lambda: omero.cmd.DoAllRsp(responses=[t.response() for t in tasks], status=[]),
        )


def _unknown(request: Any) -> Task:
    kind = "null" if request is None else request.ice_id()

    def refuse() -> None:
        raise Failed("unknown-request", f"{kind} is not in the embedded server")

    return Task(request, [refuse], lambda: None)
