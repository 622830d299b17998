"""What people did with imported filesets since: ROIs, annotations, links to other containers.

What came with the files was made in the import's own session, together with the images: people may
have gone on with the same session. What our annotations are, the journal tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.chunks import in_chunks
from ingest.omero.session import Session

_AT_ONCE = 500  # ids per query
# Milliseconds by the server's clock, from an import's first image to the last that came with it.
_TOGETHER = 10 * 60_000


@dataclass
class Imported:
    """A fileset in OMERO, and what of it is known to be ours.

    `target` is like Dataset:5, or empty; `session_id` is that of its import; `annotations` are the
    ids of those that we put on it, `namespace` the beginning of ours. What is looked up: `images`
    and `plates`, `uses` in words, and other filesets whose images one of the plates `shares`.
    """

    fileset_id: int
    session_id: int
    target: str
    annotations: frozenset[int]
    namespace: str
    images: list[int] = field(default_factory=list)
    plates: list[int] = field(default_factory=list)
    uses: list[str] = field(default_factory=list)
    shares: list[str] = field(default_factory=list)
    began: int = 0

    def came_with_it(self, session_id: int, time: int) -> bool:
        """Whether the import made what this session made then."""
        # Without images nobody can have worked on it.
        in_time = not self.images or time <= self.began + _TOGETHER
        return session_id == self.session_id and in_time


def look_at_uses(session: Session, filesets: Sequence[Imported]) -> None:
    """Fills in what is looked up of these filesets, a few questions for all of them."""
    by_id = {each.fileset_id: each for each in filesets}
    for each, image, time in _rows(session, _IMAGES, by_id):
        by_id[each].images.append(image)
        by_id[each].began = min(by_id[each].began or time, time)
    for each, plate in _rows(session, _PLATES, by_id):
        by_id[each].plates.append(plate)
    counted: dict[int, Counter[str]] = {each: Counter() for each in by_id}
    for each, roi_owner, made_in, time in _rows(session, _ROIS, by_id):
        if not by_id[each].came_with_it(made_in, time):
            counted[each][f"ROI by {roi_owner}"] += 1
    for each, annotation, namespace, who, *made in _annotation_links(session, by_id):
        if not by_id[each].came_with_it(*made) and not _is_ours(by_id[each], annotation, namespace):
            counted[each][f"annotation by {who}"] += 1
    for each, container in _containers(session, by_id):
        if container != by_id[each].target:
            counted[each][f"link from {container}"] += 1
    for each, other in _sharing(session, by_id):
        by_id[each].shares.append(f"Fileset:{other}")
    for each, uses in counted.items():
        by_id[each].uses = [
            f"{number} {what.replace(' ', 's ', 1)}" if number > 1 else f"1 {what}"
            for what, number in sorted(uses.items())
        ]


_IMAGES = (
    "select i.fileset.id, i.id, e.time from Image i join i.details.creationEvent e "
    "where i.fileset.id in (:ids) order by i.id"
)
_PLATES = (
    "select distinct i.fileset.id, p.id from WellSample s join s.image i join s.well w "
    "join w.plate p where i.fileset.id in (:ids) order by p.id"
)
_ROIS = (
    "select i.fileset.id, o.omeName, s.id, e.time from Roi r join r.image i join r.details.owner o "
    "join r.details.creationEvent e join e.session s where i.fileset.id in (:ids) order by r.id"
)


def _annotation_links(
    session: Session, by_id: Mapping[int, Imported]
) -> Iterator[tuple[int, int, str, str, int, int]]:
    """(fileset, annotation, namespace, who linked it, in which session, when) of all that is on
    the fileset, its images, plates and wells."""
    of_plates = {plate: each.fileset_id for each in by_id.values() for plate in each.plates}
    for kind, path, keys in (
        ("Image", "p.fileset.id", by_id),
        ("Fileset", "p.id", by_id),
        ("Plate", "p.id", of_plates),
        ("Well", "p.plate.id", of_plates),
    ):
        found = _rows(
            session,
            f"select {path}, a.id, a.ns, o.omeName, s.id, e.time from {kind}AnnotationLink l "
            "join l.parent p join l.child a join l.details.owner o "
            f"join l.details.creationEvent e join e.session s where {path} in (:ids) "
            "order by l.id",
            keys,
        )
        for key, annotation, namespace, who, made_in, time in found:
            fileset = of_plates[key] if keys is of_plates else key
            yield fileset, annotation, namespace or "", who, made_in, time


def _is_ours(fileset: Imported, annotation: int, namespace: str) -> bool:
    return annotation in fileset.annotations or namespace.startswith(f"{fileset.namespace}/")


def _containers(session: Session, by_id: Mapping[int, Imported]) -> Iterator[tuple[int, str]]:
    of_plates = {plate: each.fileset_id for each in by_id.values() for plate in each.plates}
    for fileset, dataset in _rows(
        session,
        "select distinct i.fileset.id, d.id from DatasetImageLink l join l.child i "
        "join l.parent d where i.fileset.id in (:ids) order by d.id",
        by_id,
    ):
        yield fileset, f"Dataset:{dataset}"
    for plate, screen in _rows(
        session,
        "select c.id, s.id from ScreenPlateLink l join l.child c join l.parent s "
        "where c.id in (:ids) order by s.id",
        of_plates,
    ):
        yield of_plates[plate], f"Screen:{screen}"


def _sharing(session: Session, by_id: Mapping[int, Imported]) -> Iterator[tuple[int, int]]:
    of_plates = {plate: each.fileset_id for each in by_id.values() for plate in each.plates}
    for plate, other in _rows(
        session,
        "select distinct w.plate.id, i.fileset.id from WellSample s join s.image i join s.well w "
        "where w.plate.id in (:ids) order by i.fileset.id",
        of_plates,
    ):
        if other != of_plates[plate]:
            yield of_plates[plate], other


def _rows(session: Session, hql: str, ids: Mapping[int, object]) -> Iterator[list[Any]]:
    for some in in_chunks(ids, _AT_ONCE):
        yield from session.rows(hql, ids=some)
