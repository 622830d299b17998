"""Annotations on a fileset's plates or images: made once, brought up to date, never doubled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import omero.all
import omero.model
from omero.rtypes import rstring, unwrap

from ingest.chunks import in_chunks
from ingest.fileset import StageError
from ingest.import_options import ORDERS
from ingest.omero import queries
from ingest.omero.queries import Annotatable
from ingest.omero.session import Session

Pairs = Sequence[tuple[str, str]]

_AT_ONCE = 500  # links per call

_LINKS = {
    "Image": omero.model.ImageAnnotationLinkI,
    "Plate": omero.model.PlateAnnotationLinkI,
    "Well": omero.model.WellAnnotationLinkI,
    "Dataset": omero.model.DatasetAnnotationLinkI,
}
_OBJECTS = {
    "Image": omero.model.ImageI,
    "Plate": omero.model.PlateI,
    "Well": omero.model.WellI,
    "Dataset": omero.model.DatasetI,
}


def linkable(session: Session, ids: Sequence[int]) -> list[Any]:
    """These saved annotations, unloaded, to be linked to images of the session's group.

    Raises StageError when one of them cannot be.
    """
    if not ids:
        return []
    saved = queries.annotations_with_ids(session, list(ids))
    found = {annotation.getId().getValue(): annotation for annotation in saved}
    for number in ids:
        if number not in found:
            raise StageError(
                f"there is no annotation {number} in group {session.group} that {session.user} "
                "can read",
                "Correct the ids of the row's annotations (or of import.annotations): OMERO links "
                "annotations to images of their own group only.",
            )
        annotation = found[number]
        # What OMERO asks of both ends of an annotation's link (OmeroInterceptor.neededRight).
        if not annotation.getDetails().getPermissions().canAnnotate():
            raise StageError(
                f"{session.user} may not link annotation {number}, which is another user's",
                "Leave it out, or import as a user who may.",
            )
        if (unwrap(annotation.getNs()) or "").startswith(ORDERS):
            raise StageError(
                f"annotation {number} is one of OMERO's orders to an import, not for images",
                "Leave it out.",
            )
    return [type(found[number])(number, False) for number in ids]


def put_key_values(
    session: Session, kind: Annotatable, ids: list[int], namespace: str, pairs: Pairs
) -> int | None:
    """The one MapAnnotation in `namespace` on all these objects, holding exactly `pairs` in order.

    It is changed in place when it is there already. Without pairs none is made (None).
    """
    found = queries.annotations_on(session, kind, ids, namespace)
    if found:
        annotation_id = found[0][1]
        _update(session, annotation_id, pairs)
        link_annotation(session, kind, ids, omero.model.MapAnnotationI(annotation_id, False))
        return annotation_id
    if pairs:
        annotation = omero.model.MapAnnotationI()
        annotation.setNs(rstring(namespace))
        annotation.setMapValue(_named_values(pairs))
        # With its first link, in one transaction: an unlinked one would not be found again.
        saved = session.save([_link(kind, ids[0], annotation)])
        annotation_id = int(saved[0].getChild().getId().getValue())
        _save_links(session, kind, ids[1:], omero.model.MapAnnotationI(annotation_id, False))
        return annotation_id
    return None


def put_own_key_values(
    session: Session, kind: Annotatable, pairs: Mapping[int, Pairs], namespace: str
) -> None:
    """Each object's own MapAnnotation in `namespace`, holding exactly its pairs, by its id.

    As `put_key_values`, for many objects at once. An object whose pairs are empty loses those that
    it has.
    """
    present = dict(queries.annotations_on(session, kind, list(pairs), namespace))
    annotations = queries.map_annotations(session, list(present.values()))
    changed = [
        annotations[annotation_id]
        for number, annotation_id in present.items()
        if _set_pairs(annotations[annotation_id], pairs[number])
    ]
    for some in in_chunks(changed, _AT_ONCE):
        session.save(some)
    missing = [number for number in pairs if number not in present and pairs[number]]
    for numbers in in_chunks(missing, _AT_ONCE):
        links = []
        for number in numbers:
            annotation = omero.model.MapAnnotationI()
            annotation.setNs(rstring(namespace))
            annotation.setMapValue(_named_values(pairs[number]))
            links.append(_link(kind, number, annotation))
        session.save(links)


def link_annotation(session: Session, kind: Annotatable, ids: list[int], annotation: Any) -> None:
    """Links a saved annotation to those of these objects that it is not linked to."""
    linked = queries.linked_objects(session, kind, ids, annotation.getId().getValue())
    missing = [object_id for object_id in ids if object_id not in linked]
    _save_links(session, kind, missing, annotation)


def _save_links(session: Session, kind: Annotatable, ids: list[int], annotation: Any) -> None:
    for some in in_chunks(ids, _AT_ONCE):
        session.save([_link(kind, object_id, annotation) for object_id in some])


def _update(session: Session, annotation_id: int, pairs: Pairs) -> None:
    annotation = queries.map_annotations(session, [annotation_id])[annotation_id]
    if _set_pairs(annotation, pairs):
        session.save([annotation])


def _set_pairs(annotation: Any, pairs: Pairs) -> bool:
    """Whether these were others before."""
    present = [(pair.name, pair.value) for pair in annotation.getMapValue() or []]
    if present == list(pairs):
        return False
    annotation.setMapValue(_named_values(pairs))
    return True


def _named_values(pairs: Pairs) -> list[Any]:
    return [omero.model.NamedValue(key, value) for key, value in pairs]


def _link(kind: Annotatable, object_id: int, annotation: Any) -> Any:
    link = _LINKS[kind]()
    link.setParent(_OBJECTS[kind](object_id, False))
    link.setChild(annotation)
    return link
