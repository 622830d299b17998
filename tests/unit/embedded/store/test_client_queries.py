"""Every query that omero-py and ezomero hold is understood, against OMERO's model.

They are read from the installed packages: as constants of their source, and from the builders of
the gateway's wrappers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ezomero
import omero
import omero.gateway
import pytest

from omero_embedded.store import Actor, Store

_QUERY = re.compile(r"\s*(select\s.+\sfrom\s+\w|from\s+[A-Z]\w+)", re.I | re.S)
# Pieces that are put together with others when the program runs.
_FRAGMENTS = (
    "select fs.id, fs.templatePrefix, (select size(f2.images)",
    "select j, %s, s.value",
    "from Format as f where f.value='",
    "from OriginalFile as o where o.id =",
    "from PlaneInfo as Info where pixels.id='",
    "from Namespace as n where n.name = '",
)
_DYNAMIC = (
    # omero fs sets
    "select fs.id, fs.templatePrefix, (select size(f2.images) from Fileset f2 "
    "where f2.id = fs.id),(select size(f3.usedFiles) from Fileset f3 where f3.id = fs.id),"
    "(select ann.textValue from Fileset f4 join f4.annotationLinks fal join fal.child ann "
    "where f4.id = fs.id and ann.ns =:ns) from Fileset fs where 1 = 1  and fs.images is empty "
    "group by fs.id, fs.templatePrefix order by fs.id desc",
    # omero fs images
    "select i.id, i.name, fs.id,count(f1.id)+count(f2.id), "
    "sum(coalesce(f1.size,0) + coalesce(f2.size, 0)) from Image i join i.pixels p "
    "left outer join p.pixelsFileMaps m left outer join m.parent f1 "
    "left outer join i.fileset as fs left outer join fs.usedFiles as uf "
    "left outer join uf.originalFile as f2 group by i.id, i.name, fs.id "
    "order by sum(coalesce(f1.size,0) + coalesce(f2.size, 0)) desc",
    # omero delete, chgrp, chown
    "select x.details.owner.id, x.details.group.details.permissions from Image x where x.id = :id",
    # omero script jobs
    "select j, j.username,j.groupname,j.started,j.finished, s.value from Job j join j.status s "
    "where j.finished is null",
    # the gateway's annotations and orphans
    "select annLink from ImageAnnotationLink as annLink join fetch annLink.details.owner as owner "
    "join fetch annLink.details.creationEvent join fetch annLink.child as ann "
    "join fetch ann.details.owner join fetch ann.details.creationEvent "
    "join fetch annLink.parent as parent where parent.id in (:pids) and ann.ns = :ns",
    "select an from Annotation as an where not exists ( select link from ImageAnnotationLink "
    "as link where link.child=an.id and link.parent.id=:oid) and (an.ns not in (:ns) "
    "or an.ns is null)",
    # the official importer
    "select o from Dataset as o where o.name = :name order by o.id desc",
    "select pdl.id from ProjectDatasetLink pdl where pdl.parent.id = :pid and pdl.child.id = :did",
    "select o from OriginalFile o join fetch o.hasher where o.name = :name",
    "select o from FilesetEntry fe join fe.originalFile o where fe.clientPath = :clientPath",
    "FROM Dataset WHERE name = :name ORDER BY id DESC",
)
_GATEWAY_OPTIONS: dict[str, dict[str, Any]] = {
    "Project": {"dataset": 1, "order_by": "lower(obj.name)"},
    "Dataset": {"project": 1, "image": 1, "orphaned": True},
    "Image": {
        "dataset": 1,
        "load_pixels": True,
        "load_channels": True,
        "orphaned": True,
        "owner": 2,
        "limit": 5,
    },
    "Screen": {"plate": 1},
    "Plate": {"screen": 1, "well": 1, "orphaned": True},
    "PlateAcquisition": {"plate": 1},
    "Well": {"plate": 1, "load_images": True, "load_pixels": True, "load_channels": True},
    "Roi": {"image": 1, "load_shapes": True},
    "Fileset": {"load_images": True, "load_files": True},
    "Experimenter": {"experimentergroup": 1, "load_experimentergroups": True},
    "ExperimenterGroup": {"experimenter": 1, "load_experimenters": True},
    "Annotation": {"ns": "x"},
    "TagAnnotation": {},
    "MapAnnotation": {},
    "FileAnnotation": {},
    "OriginalFile": {},
}


class _Anything(dict[str, Any]):
    """Parameters with a value for every name."""

    def get(self, key: str, default: Any = None) -> Any:
        return 1


@cache
def _constants() -> tuple[str, ...]:
    folders = [Path(omero.__file__).parent, Path(ezomero.__file__).parent]
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            for text in _strings(ast.parse(path.read_text("utf-8"))):
                flat = " ".join(text.split())
                if _QUERY.match(text) and not flat.startswith(_FRAGMENTS):
                    filled = re.sub(r"%[di]", "1", flat).replace("in (%s)", "in (1)")
                    filled = filled.replace("%sAnnotationLink", "ImageAnnotationLink")
                    found.append(filled.replace("= %s", "= 1").replace("%s", ""))
    return tuple(found)


def _strings(node: ast.AST) -> Iterator[str]:
    text = _folded(node)
    if text is not None:
        yield text
        return
    for child in ast.iter_child_nodes(node):
        yield from _strings(child)


def _folded(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _folded(node.left), _folded(node.right)
        return None if left is None or right is None else left + right
    return None


def _ask(store: Store, actor: Actor, query: str) -> None:
    with store.read(actor) as work:
        work.projection(query, _Anything())


def test_the_constants_of_the_packages_are_found() -> None:
    assert len(_constants()) > 140


def test_every_constant_query_is_understood(store: Store, ann: Actor) -> None:
    for query in _constants():
        _ask(store, ann, query)


@pytest.mark.parametrize("query", _DYNAMIC, ids=lambda query: query[:40])
def test_queries_that_clients_put_together_are_understood(
    store: Store, ann: Actor, query: str
) -> None:
    _ask(store, ann, query)


@pytest.mark.parametrize("object_type", _GATEWAY_OPTIONS)
def test_the_gateways_builders_are_understood(store: Store, ann: Actor, object_type: str) -> None:
    gateway = omero.gateway._BlitzGateway
    stand_in = SimpleNamespace(SERVICE_OPTS=None)
    stand_in.buildQuery = lambda *args, **kwargs: gateway.buildQuery(stand_in, *args, **kwargs)
    options = _GATEWAY_OPTIONS[object_type]
    for opts in ({}, options, *({key: value} for key, value in options.items())):
        query, _, _ = gateway.buildQuery(stand_in, object_type, ids=[1, 2], opts=opts)
        _ask(store, ann, query)
        counting, _ = gateway.buildCountQuery(stand_in, object_type, opts=opts)
        _ask(store, ann, counting)
