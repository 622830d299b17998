"""omero.cmd.Delete2: rows go with what belongs to them, and the repository's files with the rows.

Within a SkipHead only what lies below its targets goes: `omero delete Dataset/Image:1`.

Of a file that was imported in place only the link goes: what it points to is never touched.
"""

from __future__ import annotations

from typing import Any

import omero
import omero.cmd
from omero.rtypes import unwrap

from omero_embedded.commands.handle import Failed, Task
from omero_embedded.model.types import lineage, type_of
from omero_embedded.pixels.thumbnails import Thumbnails
from omero_embedded.repository.files import Repository
from omero_embedded.store import Actor, Deletion, Work
from omero_embedded.wire.requestlog import LOG


def delete_task(repository: Repository, thumbnails: Thumbnails, actor: Actor, request: Any) -> Task:
    """The task of a Delete2, or of a SkipHead of one, of one step."""
    done: list[Deletion] = []
    head = request if isinstance(request, omero.cmd.SkipHead) else None
    body = request if head is None else head.request
    is_dry = bool(request.dryRun or body.dryRun)

    def run() -> None:
        try:
            with repository.store.write(actor) as work:
                targets = targets_of(request) if head is None else _below(work, head)
                done.append(work.delete_all(targets, *options_of(body), is_dry))
        except omero.ServerError as error:
            raise Failed("graph-fail", error.message) from error
        if not is_dry:
            remove_files(repository, done[0].files)
            for pixels_id in done[0].ids.get("Pixels", ()):
                thumbnails.forget(pixels_id)
                (repository.written_pixels / str(pixels_id)).unlink(missing_ok=True)

    return Task(request, [run], lambda: _response(done[0]))


def targets_of(request: Any) -> dict[str, list[int]]:
    """What a request over the graph starts from: ids by type name."""
    return {kind: list(ids) for kind, ids in (request.targetObjects or {}).items()}


def _below(work: Work, head: Any) -> dict[str, list[int]]:
    """Of what would go with the targets, the objects of the types to start from."""
    found = work.delete_all(targets_of(head), *options_of(head), dry_run=True).ids
    wanted = {type_of(name).name for name in head.startFrom or ()}
    return {name: ids for name, ids in found.items() if wanted & set(lineage(name))}


def options_of(request: Any) -> tuple[list[str], list[str]]:
    """The types that are spared, and those taken although still in use."""
    return _kinds(request, "excludeType"), _kinds(request, "includeType")


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
