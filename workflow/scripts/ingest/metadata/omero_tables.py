"""A table of metadata as an OMERO.table, where OMERO.web looks for it.

One for each container: the Screen or Project that the described objects are in, else their Dataset
or plate. Columns and namespace are those that omero-metadata writes, so that its readers read it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import omero.all
import omero.cmd
import omero.grid
import omero.model
from omero.rtypes import rstring

from ingest.metadata.columns import Description, Kind, Role, Type
from ingest.metadata.matching import Described, Match
from ingest.omero import queries
from ingest.omero.queries import Holder
from ingest.omero.session import Session

NAMESPACE = "openmicroscopy.org/omero/bulk_annotations"

_HOLDERS: Sequence[tuple[Role, Holder]] = (
    ("screen", "Screen"), ("project", "Project"), ("dataset", "Dataset"), ("plate", "Plate"),
)  # fmt: skip
_LINKS = {
    "Screen": (omero.model.ScreenAnnotationLinkI, omero.model.ScreenI),
    "Project": (omero.model.ProjectAnnotationLinkI, omero.model.ProjectI),
    "Dataset": (omero.model.DatasetAnnotationLinkI, omero.model.DatasetI),
    "Plate": (omero.model.PlateAnnotationLinkI, omero.model.PlateI),
}
_ID_COLUMNS = {
    "Image": omero.grid.ImageColumn,
    "Well": omero.grid.WellColumn,
    "Plate": omero.grid.PlateColumn,
    "Dataset": omero.grid.DatasetColumn,
}
_TRUE = ("yes", "true", "t", "1")  # as omero-metadata reads them
_ROWS_AT_ONCE = 10_000

# The id in OMERO, the names it was found by, and the values.
TableRow = tuple[int, Sequence[str], Sequence[str]]


def put_tables(
    session: Session,
    table: Description,
    matches: Sequence[Match],
    account: tuple[str, str],
    owner: str,
) -> Iterator[int]:
    """Puts the rows that are about objects of `account`, a user and a group, on their containers;
    the annotations by which they are there. `owner` tells whose tables they are, for
    `remove_others`."""
    rows: dict[tuple[Holder, int], list[TableRow]] = defaultdict(list)
    for found in matches:
        for each in found.objects:
            holder = _holder(each)
            if (each.user, each.group) == account and holder:
                names = [found.row.names.get(role, "") for role in table.roles]
                rows[holder] += [(number, names, found.row.values) for number in _ids(each)]
    for (kind, number), of_holder in rows.items():
        yield _put(session, kind, number, table, of_holder, owner)


def remove_others(session: Session, owner: str, kept: Collection[int]) -> None:
    """Removes the tables of this owner that nothing says any more, or says otherwise."""
    for number in queries.own_file_annotations(session, NAMESPACE, f"%{_mark(owner)}%"):
        if number not in kept:
            session.submit(omero.cmd.Delete2(targetObjects={"Annotation": [number]}))


def _mark(owner: str) -> str:
    return f" (omero-ingest {owner} "


def _holder(object_: Described) -> tuple[Holder, int] | None:
    return next(((kind, object_.ids[role]) for role, kind in _HOLDERS if role in object_.ids), None)


def _ids(object_: Described) -> Sequence[int]:
    return object_.images if object_.kind == "Fileset" else [object_.id]


def _put(
    session: Session,
    kind: Holder,
    number: int,
    table: Description,
    rows: Sequence[TableRow],
    owner: str,
) -> int:
    headers = [(column.header, column.type) for column in table.columns]
    content = json.dumps([table.kind, table.roles, headers, rows])
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    name = table.path.name
    description = f"{name}{_mark(owner)}{digest})"
    there = queries.file_annotations(session, kind, number, NAMESPACE)
    if before := [id_ for id_, text in there if text == description]:
        return before[0]
    file = _written(session, name, list(_columns(table, rows)))
    annotation = omero.model.FileAnnotationI()
    annotation.setNs(rstring(NAMESPACE))
    annotation.setDescription(rstring(description))
    annotation.setFile(file)
    link_type, holder_type = _LINKS[kind]
    link = link_type()
    link.setParent(holder_type(number, False))
    link.setChild(annotation)
    (saved,) = session.save([link])
    return int(saved.getChild().getId().getValue())


def _written(session: Session, name: str, columns: list[Any]) -> Any:
    """An unloaded OriginalFile that is a table of these columns."""
    resources = session.factory.sharedResources()
    repository = resources.repositories().descriptions[0].getId().getValue()
    table = resources.newTable(repository, f"/omero-ingest/{name}")
    try:
        file = table.getOriginalFile()
        table.initialize([_part(column, 0, 0) for column in columns])
        for start in range(0, len(columns[0].values), _ROWS_AT_ONCE):
            table.addData([_part(column, start, start + _ROWS_AT_ONCE) for column in columns])
    finally:
        table.close()
    return omero.model.OriginalFileI(file.getId(), False)


def _columns(table: Description, rows: Sequence[TableRow]) -> Iterator[Any]:
    kind: Kind = "Image" if table.kind == "Fileset" else table.kind
    yield _ID_COLUMNS[kind](kind, "", [number for number, _, _ in rows])
    for at, role in enumerate(table.roles):
        yield _strings(f"{role.capitalize()} Name", [names[at] for _, names, _ in rows])
    seen: Counter[str] = Counter()
    for at, column in enumerate(table.columns):
        name = column.header.replace("/", "\\")  # HDF5 has no other slash in a name
        seen[name] += 1
        unique = name if seen[name] == 1 else f"{name} {seen[name]}"
        yield _typed(unique, column.type, [values[at] for _, _, values in rows])


def _typed(name: str, type_: Type, texts: list[str]) -> Any:
    """Numbers only where all values are: a column holds nothing that is left out."""
    try:
        if type_ == "long":
            return omero.grid.LongColumn(name, "", [int(text) for text in texts])
        if type_ == "double":
            return omero.grid.DoubleColumn(name, "", [float(text or "nan") for text in texts])
    except ValueError:
        return _strings(name, texts)
    if type_ == "bool":
        return omero.grid.BoolColumn(name, "", [text.lower() in _TRUE for text in texts])
    return _strings(name, texts)


def _strings(name: str, texts: list[str]) -> Any:
    size = max((len(text.encode()) for text in texts), default=1)
    return omero.grid.StringColumn(name, "", max(size, 1), texts)


def _part(column: Any, start: int, stop: int) -> Any:
    if isinstance(column, omero.grid.StringColumn):
        return omero.grid.StringColumn(column.name, "", column.size, column.values[start:stop])
    return type(column)(column.name, "", column.values[start:stop])
