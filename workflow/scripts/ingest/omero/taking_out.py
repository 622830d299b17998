"""Deletes filesets that were imported well: all of them, or none, of each call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import omero.all
import omero.cmd

from ingest.fileset import StageError
from ingest.omero.errors import RUN_AGAIN
from ingest.omero.session import Session

# People's, and used for other images too: they stay when they are on nothing any more. (OMERO
# would delete them with the last object of their owner's.)
SPARED = ("TagAnnotation", "TermAnnotation", "FileAnnotation")


def delete(
    session: Session,
    objects: Mapping[str, Sequence[int]],
    what: str,
    options: Sequence[Any] = (),
    dry_run: bool = False,
) -> dict[str, list[int]]:
    """Deletes objects with what belongs to them; the ids of all that went, by type.

    With `dry_run` nothing goes. Raises StageError when OMERO refuses: then nothing has gone.
    """
    request = omero.cmd.Delete2(
        targetObjects={kind: list(ids) for kind, ids in objects.items() if ids},
        childOptions=list(options),
        dryRun=dry_run,
    )
    response = session.submit(request)
    if isinstance(response, omero.cmd.ERR):
        reason = (response.parameters or {}).get("message") or response.name
        raise StageError(
            f"OMERO refuses to delete {what}: {reason}",
            f"Remove in OMERO what holds it, and give the same command again. {RUN_AGAIN} if this "
            "was passing.",
        )
    return {kind.rpartition(".")[2]: list(ids) for kind, ids in response.deletedObjects.items()}


def delete_filesets(
    session: Session,
    filesets: Sequence[int],
    plates: Sequence[int],
    keep: Sequence[int],
    dry_run: bool = False,
) -> dict[str, list[int]]:
    """Deletes filesets with their images, ROIs, thumbnails and annotations; see `delete`.

    `plates` are those of the filesets: OMERO deletes a plate's images with the plate only. `keep`
    are annotations of other kinds that were there before the import and linked by it.
    """
    what = ", ".join(f"Fileset:{each}" for each in filesets)
    if keep and not dry_run:
        _unlink(session, filesets, keep)
    spared = omero.cmd.graphs.ChildOption(excludeType=list(SPARED))
    objects = {"Plate": plates, "Fileset": filesets}
    return delete(session, objects, what, [spared], dry_run)


def _unlink(session: Session, filesets: Sequence[int], annotations: Sequence[int]) -> None:
    rows = session.rows(
        "select l.id from ImageAnnotationLink l join l.parent i join l.child a "
        "where i.fileset.id in (:filesets) and a.id in (:annotations) order by l.id",
        filesets=list(filesets),
        annotations=list(annotations),
    )
    if rows:
        links = [row[0] for row in rows]
        spared = omero.cmd.graphs.ChildOption(excludeType=["Annotation"])
        delete(session, {"ImageAnnotationLink": links}, "links of annotations", [spared])
