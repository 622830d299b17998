"""omero.cmd.Delete2: rows go with what belongs to them, and the repository's files with the rows.

Of a file that was imported in place only the link goes: what it points to is never touched.
"""

from __future__ import annotations

from typing import Any

import omero
import omero.cmd
from omero.rtypes import unwrap

from omero_embedded.commands.handle import Failed, Task
from omero_embedded.model.types import type_of
from omero_embedded.pixels.thumbnails import Thumbnails
from omero_embedded.repository.files import Repository
from omero_embedded.store import Actor, Deletion
from omero_embedded.wire.requestlog import LOG


def delete_task(repository: Repository, thumbnails: Thumbnails, actor: Actor, request: Any) -> Task:
    """The task of a Delete2, of one step."""
    done: list[Deletion] = []

    def run() -> None:
        targets = {kind: list(ids) for kind, ids in (request.targetObjects or {}).items()}
        keep, include = _kinds(request, "excludeType"), _kinds(request, "includeType")
        try:
            with repository.store.write(actor) as work:
                done.append(work.delete_all(targets, keep, include, bool(request.dryRun)))
        except omero.ServerError as error:
            raise Failed("graph-fail", error.message) from error
        if not request.dryRun:
            remove_files(repository, done[0].files)
            for pixels_id in done[0].ids.get("Pixels", ()):
                thumbnails.forget(pixels_id)

    return Task(request, [run], lambda: _response(done[0]))


def _kinds(request: Any, field: str) -> list[str]:
    return [k for option in request.childOptions or () for k in getattr(option, field) or ()]


def _response(deletion: Deletion) -> Any:
    """With the names that OMERO gives the types there: "ome.model.core.Image"."""
    named = {type_of(name).java_name: found for name, found in deletion.ids.items()}
    return omero.cmd.Delete2Response(deletedObjects=named)


def remove_files(repository: Repository, rows: list[Any]) -> None:
    """Remove links and copies of deleted rows from disk. Folders stay, as in OMERO."""
    for row in rows:
        if unwrap(row.repo) != repository.uuid:
            continue
        path = repository.path_of(row)
        try:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            LOG.error("%s stays on disk: %s", path, error.strerror)
