"""omero.cmd.Delete2: rows go with what belongs to them, and the repository's files with the rows.

Of a file that was imported in place only the link goes: what it points to is never touched.
"""

from __future__ import annotations

from typing import Any

import omero
import omero.cmd
from omero.rtypes import unwrap

from omero_embedded.commands.handle import Task
from omero_embedded.repository.files import Repository
from omero_embedded.store import Actor, Deletion
from omero_embedded.wire.requestlog import LOG


def delete_task(repository: Repository, actor: Actor, request: Any) -> Task:
    """The task of a Delete2, of one step."""
    done: list[Deletion] = []

    def run() -> None:
        with repository.store.write(actor) as work:
            for kind, ids in (request.targetObjects or {}).items():
                keep = _kept(request)
                done.append(work.delete(kind, list(ids), keep, bool(request.dryRun)))
        if not request.dryRun:
            remove_files(repository, [row for deletion in done for row in deletion.files])

    return Task(request, [run], lambda: _response(done))


def _kept(request: Any) -> list[str]:
    return [kind for option in request.childOptions or () for kind in option.excludeType or ()]


def _response(done: list[Deletion]) -> Any:
    deleted: dict[str, list[int]] = {}
    for deletion in done:
        for kind, ids in deletion.ids.items():
            deleted.setdefault(kind, []).extend(ids)
    return omero.cmd.Delete2Response(deletedObjects=deleted)


def remove_files(repository: Repository, rows: list[Any]) -> None:
    """Remove links and copies of deleted rows from disk, and the folders this leaves empty."""
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
