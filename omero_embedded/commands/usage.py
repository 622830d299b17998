"""omero.cmd.DiskUsage2: the files that belong to objects, counted and added up.

Files are those of filesets, their import logs and attachments; thumbnails are not counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import omero
import omero.cmd
from omero.rtypes import unwrap

from omero_embedded.commands.handle import Failed, Task
from omero_embedded.model.types import all_types, type_of
from omero_embedded.services.contents import IMAGES_IN
from omero_embedded.store import ALL_GROUPS, Actor, Store, Work

_FILE = "f.id, f.size, f.details.owner.id, f.details.group.id"
# Who refers to a file -> the files of all those ids.
_OF_FILESETS = {
    "FilesetEntry": f"select {_FILE} from FilesetEntry x join x.originalFile f"
    " where x.fileset.id in (:ids)",
    "Job": f"select {_FILE} from JobOriginalFileLink x join x.child f where x.parent.id in"
    " (select y.child.id from FilesetJobLink y where y.parent.id in (:ids))",
}
_OF_ANNOTATIONS = {
    "Annotation": f"select {_FILE} from FileAnnotation x join x.file f where x.id in (:ids)",
}
_ALONE = {"OriginalFile": f"select {_FILE} from OriginalFile f where f.id in (:ids)"}
_OWNERS = {"Experimenter": "details.owner.id", "ExperimenterGroup": "details.group.id"}
_Files = dict[str, dict[int, tuple[int, int, int]]]


def usage_task(store: Store, actor: Actor, request: Any) -> Task:
    """The task of a DiskUsage2, of one step."""
    # referer -> file id -> (bytes, owner, group)
    files: _Files = defaultdict(dict)

    def collect() -> None:
        with store.read(actor.in_group(ALL_GROUPS)) as work:
            for name, ids in _targets(work, request):
                _collect(work, name, ids, files)

    return Task(request, [collect], lambda: _response(files))


def _targets(work: Work, request: Any) -> Iterable[tuple[str, list[int]]]:
    for name, ids in (request.targetObjects or {}).items():
        yield _known(name), list(ids)
    for name in request.targetClasses or ():
        yield _known(name), _ids(work, f"select o.id from {_known(name)} o", ())


def _known(name: str) -> str:
    kinds = {*IMAGES_IN, *_OWNERS, *_ALONE, "Annotation"}
    short = name.rpartition(".")[2]
    if short not in kinds:
        raise Failed("bad-class", f"usage is known of {', '.join(sorted(kinds))}, not of {name}")
    return short


def _collect(work: Work, name: str, ids: Sequence[int], files: _Files) -> None:
    if name in _ALONE:
        _add(work, _ALONE, ids, files)
    elif name == "Annotation":
        _add(work, _OF_ANNOTATIONS, ids, files)
    elif name in _OWNERS:
        for kind, queries in (("Fileset", _OF_FILESETS), ("FileAnnotation", _OF_ANNOTATIONS)):
            hql = f"select o.id from {kind} o where o.{_OWNERS[name]} in (:ids)"
            _add(work, queries, _ids(work, hql, ids), files)
    else:
        images = _ids(work, f"select i.id from Image i where {IMAGES_IN[name]}", ids)
        hql = "select distinct i.fileset.id from Image i where i.id in (:ids)"
        filesets = ids if name == "Fileset" else _ids(work, hql, images)
        _add(work, _OF_FILESETS, filesets, files)
        for kind, annotated in ((name, ids), ("Image", images)):
            if f"{kind}AnnotationLink" in all_types():
                hql = f"select l.child.id from {kind}AnnotationLink l where l.parent.id in (:ids)"
                _add(work, _OF_ANNOTATIONS, _ids(work, hql, annotated), files)


def _add(work: Work, queries: dict[str, str], ids: Sequence[int], files: _Files) -> None:
    for referer, hql in queries.items():
        for file_id, size, owner, group in unwrap(work.projection(hql, {"ids": list(ids)})):
            if size:
                files[type_of(referer).name][file_id] = (size, owner, group)


def _ids(work: Work, hql: str, ids: Sequence[int]) -> list[int]:
    rows = unwrap(work.projection(hql, {"ids": list(ids)} if ids or ":ids" in hql else {}))
    return [row[0] for row in rows if row[0] is not None]


def _response(files: _Files) -> Any:
    """Counts and bytes by (owner, group), in all and by referer."""
    counts: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    used: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    different = {}
    for referer, found in files.items():
        for size, owner, group in found.values():
            counts[owner, group][referer] += 1
            used[owner, group][referer] += size
        different.update(found)
    total_count: dict[Any, int] = defaultdict(int)
    total_used: dict[Any, int] = defaultdict(int)
    for size, owner, group in different.values():
        total_count[owner, group] += 1
        total_used[owner, group] += size
    pair = omero.api.LongPair
    return omero.cmd.DiskUsage2Response(
        fileCountByReferer={pair(*key): dict(value) for key, value in counts.items()},
        bytesUsedByReferer={pair(*key): dict(value) for key, value in used.items()},
        totalFileCount={pair(*key): value for key, value in total_count.items()},
        totalBytesUsed={pair(*key): value for key, value in total_used.items()},
    )
