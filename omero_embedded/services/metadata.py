"""omero::api::IMetadata: annotations of objects, and what was recorded of an acquisition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import omero
import omero.model
from omero.rtypes import rlist, rlong, unwrap

from omero_embedded.model.types import all_types, type_of
from omero_embedded.sessions.acting import actor_of
from omero_embedded.store import ALL_GROUPS, Store, Work
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call


class Metadata:
    def __init__(self, store: Store) -> None:
        self._store = store

    def loadAnnotations(
        self,
        call: Call,
        root: str,
        ids: list[int],
        types: list[str],
        annotators: list[int],
        parameters: Any,
    ) -> dict[int, list[Any]]:
        """Annotations of each object, only of the given types and by the given users, if any."""
        wanted = {type_of(name).name for name in types or ()}
        with self._store.read(actor_of(call)) as work:
            found: dict[int, list[Any]] = {object_id: [] for object_id in ids}
            for link in _links(work, _annotated(root), ids):
                annotation = link.child
                if wanted and type_of(annotation).name not in wanted:
                    continue
                if annotators and annotation.details.owner.id.val not in annotators:
                    continue
                found[link.parent.id.val].append(annotation)
            _with_files(work, [a for some in found.values() for a in some])
        return found

    def loadAnnotation(self, call: Call, ids: list[int]) -> list[Any]:
        with self._store.read(actor_of(call)) as work:
            return work.query("select a from Annotation a where a.id in (:ids)", {"ids": _ids(ids)})

    def loadSpecifiedAnnotations(
        self, call: Call, kind: str, include: list[str], exclude: list[str], parameters: Any
    ) -> list[Any]:
        """Annotations of one type, with or without the given namespaces."""
        with self._store.read(actor_of(call)) as work:
            found = work.query(f"select a from {type_of(kind).name} a order by a.id")
            return _with_files(work, [a for a in found if _in_namespaces(a, include, exclude)])

    def countSpecifiedAnnotations(
        self, call: Call, kind: str, include: list[str], exclude: list[str], parameters: Any
    ) -> Any:
        return rlong(len(self.loadSpecifiedAnnotations(call, kind, include, exclude, parameters)))

    def loadSpecifiedAnnotationsLinkedTo(
        self,
        call: Call,
        kind: str,
        include: list[str],
        exclude: list[str],
        root: str,
        ids: list[int],
        parameters: Any,
    ) -> dict[int, list[Any]]:
        found = self.loadAnnotations(call, root, ids, [kind], [], parameters)
        return {
            object_id: [a for a in annotations if _in_namespaces(a, include, exclude)]
            for object_id, annotations in found.items()
        }

    def loadTagSets(self, call: Call, parameters: Any) -> list[Any]:
        hql = (
            "select distinct l from AnnotationAnnotationLink l join fetch l.parent p"
            " join fetch l.child where p.ns = :ns"
        )
        with self._store.read(actor_of(call)) as work:
            return work.query(hql, {"ns": "openmicroscopy.org/omero/insight/tagset"})

    def loadTagContent(self, call: Call, ids: list[int], parameters: Any) -> dict[int, list[Any]]:
        """Projects, datasets, screens, plates and images that carry each tag."""
        found: dict[int, list[Any]] = {tag_id: [] for tag_id in ids}
        with self._store.read(actor_of(call)) as work:
            for kind in ("Project", "Dataset", "Screen", "Plate", "Image"):
                hql = (
                    f"select l from {kind}AnnotationLink l join fetch l.parent"
                    " where l.child.id in (:ids)"
                )
                for link in work.query(hql, {"ids": _ids(ids)}):
                    found[link.child.id.val].append(link.parent)
        return found

    def getTaggedObjectsCount(self, call: Call, ids: list[int], parameters: Any) -> dict[int, int]:
        return {tag: len(objects) for tag, objects in self.loadTagContent(call, ids, None).items()}

    def loadLogFiles(self, call: Call, root: str, ids: list[int]) -> dict[int, list[Any]]:
        """The import logs of Filesets, or of what belongs to Filesets (Image, Plate...)."""
        path = _TO_FILESET.get(type_of(root).name)
        if path is None:
            raise errors.api_usage(f"a {root} has no import log")
        actor = actor_of(call).in_group(ALL_GROUPS)
        found: dict[int, list[Any]] = {object_id: [] for object_id in ids}
        with self._store.read(actor) as work:
            for row in work.projection(
                f"select o.id, l.child.id from {path} join f.jobLinks j join j.child job"
                " join job.originalFileLinks l where o.id in (:ids)"
                " and l.child.mimetype = 'application/omero-log-file'",
                {"ids": _ids(ids)},
            ):
                object_id, file_id = unwrap(row)
                found[object_id].append(work.get("OriginalFile", file_id))
        return found

    def loadChannelAcquisitionData(self, call: Call, ids: list[int]) -> list[Any]:
        """LogicalChannels with what is referred to by them."""
        fetches = "".join(
            f" left outer join fetch c.{member.name}"
            for member in type_of("LogicalChannel").references
        )
        with self._store.read(actor_of(call)) as work:
            return work.query(
                f"select c from LogicalChannel c{fetches} where c.id in (:ids)",
                {"ids": _ids(ids)},
            )

    def loadInstrument(self, call: Call, instrument_id: int) -> Any:
        parts = ("objective", "detector", "filter", "dichroic", "lightSource", "filterSet")
        fetches = "".join(f" left outer join fetch i.{part}" for part in parts)
        with self._store.read(actor_of(call)) as work:
            found = work.query(
                f"select i from Instrument i{fetches} where i.id = :id", {"id": instrument_id}
            )
        return found[0] if found else None


_TO_FILESET = {
    "Fileset": "Fileset o join o.usedFiles u join u.fileset f",
    "Image": "Image o join o.fileset f",
    "Plate": "Plate o join o.wells w join w.wellSamples s join s.image i join i.fileset f",
    "Dataset": "Dataset o join o.imageLinks d join d.child i join i.fileset f",
}


def _annotated(root: str) -> str:
    name = type_of(root).name
    if f"{name}AnnotationLink" not in all_types():
        raise errors.api_usage(f"a {name} cannot be annotated")
    return name


def _links(work: Work, root: str, ids: Sequence[int]) -> list[Any]:
    return work.query(
        f"select l from {root}AnnotationLink l join fetch l.child where l.parent.id in (:ids)"
        " order by l.id",
        {"ids": _ids(ids)},
    )


def _with_files(work: Work, annotations: list[Any]) -> list[Any]:
    """The annotations, those that are files with their OriginalFile loaded."""
    for annotation in annotations:
        file = getattr(annotation, "file", None)
        if isinstance(annotation, omero.model.FileAnnotation) and file is not None:
            annotation.file = work.find("OriginalFile", file.id.val) or file
    return annotations


def _in_namespaces(annotation: Any, include: list[str], exclude: list[str]) -> bool:
    namespace = unwrap(annotation.ns)
    if include and namespace not in include:
        return False
    return not (exclude and namespace in exclude)


def _ids(ids: Sequence[int]) -> Any:
    return rlist([rlong(number) for number in ids])
