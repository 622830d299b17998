"""omero::api::IContainer: what lies in projects, datasets, screens and plates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omero.rtypes import rlist, rlong, unwrap

from omero_embedded.model.types import type_of
from omero_embedded.services.contents import IMAGES_IN
from omero_embedded.services.parameters import option, page_of
from omero_embedded.sessions.acting import actor_of
from omero_embedded.store import Store, Work
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

_HIERARCHIES = {
    "Project": "select distinct o from Project o left outer join fetch o.datasetLinks l"
    " left outer join fetch l.child c",
    "Dataset": "select distinct o from Dataset o",
    "Screen": "select distinct o from Screen o left outer join fetch o.plateLinks l"
    " left outer join fetch l.child c left outer join fetch c.plateAcquisitions",
    "Plate": "select distinct o from Plate o left outer join fetch o.plateAcquisitions",
}
_LEAVES = {
    "Project": " left outer join fetch c.imageLinks il left outer join fetch il.child i",
    "Dataset": " left outer join fetch o.imageLinks il left outer join fetch il.child i",
}
_IMAGES = (
    "select distinct i from Image i left outer join fetch i.pixels p"
    " left outer join fetch p.pixelsType left outer join fetch p.dimensionOrder"
    " left outer join fetch i.fileset"
)


class Container:
    def __init__(self, store: Store) -> None:
        self._store = store

    def loadContainerHierarchy(
        self, call: Call, root: str, ids: list[int], parameters: Any
    ) -> list[Any]:
        kind = _known(root, _HIERARCHIES)
        hql = _HIERARCHIES[kind]
        if option(parameters, "leaves"):
            hql += _LEAVES.get(kind, "")
        values: dict[str, Any] = {}
        if ids:
            hql += " where o.id in (:ids)"
            values["ids"] = _ids(ids)
        with self._store.read(actor_of(call)) as work:
            page = page_of(parameters and parameters.theFilter)
            found = work.query(f"{hql} order by o.id", values, page)
            if option(parameters, "orphan"):
                found += _orphans(work, kind)
            return found

    def findContainerHierarchies(
        self, call: Call, root: str, ids: list[int], parameters: Any
    ) -> list[Any]:
        """Containers of kind `root` that hold any of these images."""
        kind = _known(root, {"Project": 0, "Dataset": 0})
        inner = "select x.parent.id from DatasetImageLink x where x.child.id in (:ids)"
        if kind == "Project":
            inner = f"select y.parent.id from ProjectDatasetLink y where y.child.id in ({inner})"
        with self._store.read(actor_of(call)) as work:
            return work.query(
                f"{_HIERARCHIES[kind]} where o.id in ({inner}) order by o.id", {"ids": _ids(ids)}
            )

    def getImages(self, call: Call, root: str, ids: list[int], parameters: Any) -> list[Any]:
        condition = IMAGES_IN[_known(root, IMAGES_IN)]
        page = page_of(parameters and parameters.theFilter)
        with self._store.read(actor_of(call)) as work:
            return work.query(
                f"{_IMAGES} where {condition} order by i.id", {"ids": _ids(ids)}, page
            )

    def getUserImages(self, call: Call, parameters: Any) -> list[Any]:
        actor = actor_of(call)
        with self._store.read(actor) as work:
            return work.query(
                f"{_IMAGES} where i.details.owner.id = :id order by i.id", {"id": actor.user_id}
            )

    def getImagesBySplitFilesets(
        self, call: Call, included: dict[str, list[int]], parameters: Any
    ) -> dict[int, dict[bool, list[int]]]:
        """Filesets of which some images are in these containers (True) and others not (False)."""
        with self._store.read(actor_of(call)) as work:
            inside = {
                image_id
                for root, ids in included.items()
                for image_id in _image_ids(work, _known(root, IMAGES_IN), ids)
            }
            whole = unwrap(
                work.projection(
                    "select i.fileset.id, i.id from Image i where i.fileset.id in"
                    " (select x.fileset.id from Image x where x.id in (:ids)) order by i.id",
                    {"ids": _ids(sorted(inside))},
                )
                if inside
                else []
            )
        split: dict[int, dict[bool, list[int]]] = {}
        for fileset_id, image_id in whole:
            parts = split.setdefault(fileset_id, {})
            parts.setdefault(image_id in inside, []).append(image_id)
        return {fileset: parts for fileset, parts in split.items() if len(parts) == 2}

    def getCollectionCount(
        self, call: Call, root: str, collection: str, ids: list[int], parameters: Any
    ) -> dict[int, int]:
        kind = type_of(root)
        name = collection.rpartition("_")[2] or collection
        member = kind.members.get(name)
        if member is None or member.kind != "collection":
            raise errors.api_usage(f"a {kind.name} has no collection {collection!r}")
        hql = f"select x.{member.inverse}.id, count(x) from {member.target} x"
        hql += f" where x.{member.inverse}.id in (:ids) group by x.{member.inverse}.id"
        with self._store.read(actor_of(call)) as work:
            counted = dict(unwrap(work.projection(hql, {"ids": _ids(ids)})))
        return {object_id: counted.get(object_id, 0) for object_id in ids}

    def createDataObject(self, call: Call, wanted: Any, parameters: Any) -> Any:
        return self.createDataObjects(call, [wanted], parameters)[0]

    def createDataObjects(self, call: Call, wanted: list[Any], parameters: Any) -> list[Any]:
        with self._store.write(actor_of(call)) as work:
            return work.save_all(wanted)

    def updateDataObject(self, call: Call, changed: Any, parameters: Any) -> Any:
        return self.createDataObjects(call, [changed], parameters)[0]

    def updateDataObjects(self, call: Call, changed: list[Any], parameters: Any) -> list[Any]:
        return self.createDataObjects(call, changed, parameters)

    def link(self, call: Call, links: list[Any], parameters: Any) -> list[Any]:
        return self.createDataObjects(call, links, parameters)

    def unlink(self, call: Call, links: list[Any], parameters: Any) -> None:
        with self._store.write(actor_of(call)) as work:
            for link in links:
                work.delete(type(link).__name__, [unwrap(link.id)])


def _known(root: str, kinds: Any) -> str:
    try:
        name = type_of(root).name
    except KeyError:
        name = root
    if name not in kinds:
        raise errors.api_usage(f"{root} is none of {', '.join(sorted(kinds))}")
    return name


def _orphans(work: Work, kind: str) -> list[Any]:
    inner, link = {"Project": ("Dataset", "Project"), "Screen": ("Plate", "Screen")}.get(
        kind, ("", "")
    )
    if not inner:
        return []
    return work.query(
        f"select o from {inner} o where o.id not in"
        f" (select x.child.id from {link}{inner}Link x) order by o.id"
    )


def _image_ids(work: Work, root: str, ids: Sequence[int]) -> list[int]:
    hql = f"select i.id from Image i where {IMAGES_IN[root]}"
    return [row[0] for row in unwrap(work.projection(hql, {"ids": _ids(ids)}))]


def _ids(ids: Sequence[int]) -> Any:
    return rlist([rlong(number) for number in ids])
