"""The relations that a deletion follows, as queries over the store's rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, not_, select

from omero_embedded.model.types import Member, Type, all_types, lineage, type_of
from omero_embedded.store.deletion_rules import (
    CONTAINED,
    CONTENTS,
    MEANT_TO_BE_SHARED,
    SHARED,
    Relation,
)
from omero_embedded.store.loading import one_of
from omero_embedded.store.schema import EXTERNAL, OWNER, TYPE, table_of

Found = Iterator[tuple[str, set[int]]]


class Graph:
    """Looks at what is around the condemned. `doomed` (root -> id -> type) is the caller's, and
    grows as it goes on."""

    def __init__(self, connection: Connection, doomed: Mapping[str, Mapping[int, str]]) -> None:
        self._connection = connection
        self._doomed = doomed

    def contained(self, type_name: str, ids: Iterable[int]) -> Found:
        """What is part of these objects: (root, ids)."""
        for owner, member in _relations(CONTAINED, type_name):
            yield type_of(member.target).root, self._follow(owner, member, ids)
        table = table_of(type_of(type_name))
        yield "ExternalInfo", self._ids(table.c[EXTERNAL], table.c.id, ids)

    def shared(self, type_name: str, ids: Iterable[int]) -> Found:
        """What these objects use or contain along with others."""
        for owner, member in _relations(SHARED, type_name):
            yield type_of(member.target).root, self._follow(owner, member, ids)
        for _, member in _relations(CONTENTS, type_name):
            link = type_of(member.target)
            table = table_of(link)
            content = type_of(link.members["child"].target).root
            yield content, self._ids(table.c.child, table.c[member.inverse], ids)

    def links(self, type_name: str, ids: Iterable[int]) -> Found:
        """The links from and to these objects."""
        for link, end in _links(type_of(type_name).root):
            table = table_of(link)
            yield link.root, self._ids(table.c.id, table.c[end], ids)

    def annotations(self, type_name: str, ids: Iterable[int], include: set[str]) -> set[int]:
        """Annotations that lose their object when these go: those on them, or, when these are
        links, those that they link to."""
        notes = table_of(type_of("Annotation"))
        model_type = type_of(type_name)
        if _is_annotation_link(model_type):
            link = table_of(model_type)
            condition = one_of(link.c.id, ids) & notes.c[TYPE].not_in(MEANT_TO_BE_SHARED)
            linked = select(notes.c.id).join(link, link.c.child == notes.c.id)
            return self._scalars(linked.where(condition))
        found = set()
        annotated = table_of(model_type).alias()
        for link_type, end in _links(model_type.root):
            if not _is_annotation_link(link_type) or end != "parent":
                continue
            link = table_of(link_type)
            statement = (
                select(notes.c.id, notes.c[TYPE], notes.c[OWNER], annotated.c[OWNER])
                .join(link, link.c.child == notes.c.id)
                .join(annotated, annotated.c.id == link.c.parent)
                .where(one_of(link.c.parent, ids))
            )
            for note, kind, owner, annotated_by in self._connection.execute(statement):
                is_theirs = kind not in MEANT_TO_BE_SHARED or owner == annotated_by
                if is_theirs or include & set(lineage(kind)):
                    found.add(note)
        return found

    def held(self, root: str, ids: set[int]) -> set[int]:
        """Those of the candidates that something that stays still uses."""
        found = set()
        for holder, column in _holders(root):
            stays = self._stays(holder, table_of(holder).c.id)
            found |= self._scalars(select(column).where(one_of(column, ids), stays))
        own = table_of(type_of(root))
        for reference, target in _belongs(root):
            column = own.c[reference]
            condition = column.is_not(None) & self._stays(target, column)
            found |= self._scalars(select(own.c.id).where(one_of(own.c.id, ids), condition))
        return found

    def in_filesets_that_stay(self, images: set[int]) -> set[int]:
        """Images whose fileset has others that are neither condemned nor among these."""
        table = table_of(type_of("Image"))
        filesets = select(table.c.fileset).where(one_of(table.c.id, images))
        rows = self._connection.execute(
            select(table.c.id, table.c.fileset).where(table.c.fileset.in_(filesets))
        ).all()
        going = images | set(self._doomed["Image"])
        staying = {fileset for image, fileset in rows if image not in going}
        return {image for image, fileset in rows if fileset in staying}

    def emptied_filesets(self) -> set[int]:
        """Filesets that stay although all their images go."""
        return {fileset for fileset, _, stays in self._touched_filesets() if stays is None}

    def split_filesets(self) -> tuple[int, int, int] | None:
        """A fileset that loses some of its images only: its id, an image that goes, one that
        stays."""
        for fileset, goes, stays in self._touched_filesets():
            if stays is not None:
                return fileset, goes, stays
        return None

    def _touched_filesets(self) -> Iterator[tuple[int, int, int | None]]:
        if not self._doomed["Image"]:
            return
        table = table_of(type_of("Image"))
        doomed = self._doomed["Image"]
        touched = select(table.c.fileset, table.c.id).where(
            one_of(table.c.id, doomed),
            table.c.fileset.is_not(None),
            self._stays(type_of("Fileset"), table.c.fileset),
        )
        goes = {row[0]: row[1] for row in self._connection.execute(touched)}
        others = select(table.c.fileset, table.c.id).where(
            one_of(table.c.fileset, goes), not_(one_of(table.c.id, doomed))
        )
        stays = {row[0]: row[1] for row in self._connection.execute(others)}
        for fileset, image in goes.items():
            yield fileset, image, stays.get(fileset)

    def remaining_holders(self, owner: str, field: str) -> Iterator[tuple[int, int]]:
        """(id of a holder that stays, id of what it holds that goes)."""
        holder = type_of(owner)
        table = table_of(holder)
        column = table.c[field]
        doomed = self._doomed.get(type_of(holder.members[field].target).root)
        if doomed:
            statement = select(table.c.id, column).where(
                one_of(column, doomed), self._stays(holder, table.c.id)
            )
            yield from ((row[0], row[1]) for row in self._connection.execute(statement))

    def _stays(self, model_type: Type, column: ColumnElement[Any]) -> ColumnElement[bool]:
        return not_(one_of(column, self._doomed.get(model_type.root, ())))

    def _follow(self, owner: Type, member: Member, ids: Iterable[int]) -> set[int]:
        if member.kind == "collection":
            table = table_of(type_of(member.target))
            return self._ids(table.c.id, table.c[member.inverse], ids)
        table = table_of(owner)
        return self._ids(table.c[member.name], table.c.id, ids)

    def _ids(
        self, wanted: ColumnElement[Any], column: ColumnElement[Any], ids: Iterable[int]
    ) -> set[int]:
        return self._scalars(select(wanted).where(one_of(column, ids)))

    def _scalars(self, statement: Any) -> set[int]:
        return set(self._connection.scalars(statement)) - {None}


@cache
def _relations(relations: tuple[Relation, ...], type_name: str) -> list[tuple[Type, Member]]:
    """The relations that begin at a type."""
    owner = type_of(type_name)
    found = []
    for name, field in relations:
        if name in lineage(type_name) and field in owner.members:
            found.append((owner, owner.members[field]))
    return found


@cache
def _links(root: str) -> list[tuple[Type, str]]:
    """The types of links that have an object of this family at an end, and which end."""
    return [
        (link, end)
        for link in all_types().values()
        if link.is_link
        for end in ("parent", "child")
        if type_of(link.members[end].target).root == root
    ]


def _is_annotation_link(model_type: Type) -> bool:
    return model_type.is_link and model_type.name.endswith("AnnotationLink")


@cache
def _holders(root: str) -> list[tuple[Type, Column[Any]]]:
    """What keeps a shared object of this family: the types, and their references to it."""
    found = []
    for name, field in SHARED:
        owner = type_of(name)
        heirs = [type_of(heir) for heir in owner.concrete]
        member = next(heir.members[field] for heir in heirs if field in heir.members)
        if member.kind == "reference" and type_of(member.target).root == root:
            found.append((owner, table_of(owner).c[field]))
    for name, field in CONTENTS:
        link = type_of(type_of(name).members[field].target)
        if type_of(link.members["child"].target).root == root:
            found.append((link, table_of(link).c.child))
    if root == "Annotation":
        links = [link for link, end in _links(root) if end == "child"]
        found += [(link, table_of(link).c.child) for link in links if _is_annotation_link(link)]
    return found


@cache
def _belongs(root: str) -> list[tuple[str, Type]]:
    """The references by which a shared object of this family itself says whose it is."""
    return [
        (member.inverse, type_of(name))
        for name, field in SHARED
        for member in [type_of(name).members.get(field)]
        if member and member.kind == "collection" and type_of(member.target).root == root
    ]
