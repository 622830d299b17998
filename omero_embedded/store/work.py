"""What can be done in one transaction, in the name of one actor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, update

from omero_embedded.hql.answer import find_objects, find_rows
from omero_embedded.hql.page import Page
from omero_embedded.model.types import Type, type_of
from omero_embedded.store.access import Access
from omero_embedded.store.actor import Actor
from omero_embedded.store.deletion import Deleter, Deletion
from omero_embedded.store.errors import invalid, misused
from omero_embedded.store.events import Events
from omero_embedded.store.loading import Loader
from omero_embedded.store.moving import Change, Giver, Mover
from omero_embedded.store.saving import Saver
from omero_embedded.store.schema import PERMISSIONS, TYPE, UPDATE, table_of
from omero_embedded.store.sequences import Sequences


class Work:
    """Model objects go in and come out as omero.model objects.

    Every object that comes out carries `details.permissions` as the actor has them.
    """

    def __init__(
        self,
        connection: Connection,
        actor: Actor,
        permissions: Mapping[int, int],
        sequences: Sequences,
    ) -> None:
        """`permissions` are those of the groups when the transaction begins."""
        self.actor = actor
        self.connection = connection
        self._permissions = permissions
        self._sequences = sequences
        self._events = Events(connection, actor, self._sequences)

    @cached_property
    def access(self) -> Access:
        """What the actor may do, by the groups' permissions as they are now."""
        if self.has_changed_groups:
            return Access(self.actor, group_permissions(self.connection))
        return Access(self.actor, self._permissions)

    @property
    def has_changed_groups(self) -> bool:
        return self._events.have("ExperimenterGroup")

    def get(self, type_name: str, object_id: int) -> Any:
        """The object with all its scalars; references unloaded, collections not loaded.

        Raises omero.ValidationException when it is missing or hidden from the actor.
        """
        found = self.find(type_name, object_id)
        if found is None:
            raise invalid(f"The requested object ({type_name},{object_id}) is not available")
        return found

    def find(self, type_name: str, object_id: int) -> Any | None:
        """As `get`, but None when it is missing or hidden."""
        found = self.find_by(type_name, id=object_id)
        return found[0] if found else None

    def find_by(self, type_name: str, **fields: Any) -> list[Any]:
        """Objects whose fields equal these plain values (an id for a reference), by id."""
        model_type = _known_type(type_name)
        nulls = tuple(name for name, value in fields.items() if value is None)
        given = {name: value for name, value in fields.items() if value is not None}
        statement = _equal(model_type, tuple(given), nulls)
        condition = self.access.readable(model_type, table_of(model_type))
        if condition is not None:
            statement = statement.where(condition)
        rows = self.connection.execute(statement, given).mappings().all()
        loader = Loader(self.connection, self.access)
        loader.take(model_type, rows)
        loader.finish()
        return [loader.object(model_type.name, row["id"]) for row in rows]

    def get_all(self, type_name: str, ids: Sequence[int]) -> dict[int, Any]:
        """`get` for several objects at once, by id; whoever may read them.

        Raises omero.ValidationException when one is missing.
        """
        loader = Loader(self.connection, self.access)
        loader.load(type_name, ids)
        loader.finish()
        found = {object_id: loader.object(type_name, object_id) for object_id in ids}
        missing = [object_id for object_id, loaded in found.items() if loaded is None]
        if missing:
            raise invalid(f"The requested object ({type_name},{missing[0]}) is not available")
        return found

    def query(
        self, hql: str, parameters: Mapping[str, Any] | None = None, page: Page | None = None
    ) -> list[Any]:
        """IQuery.findAllByQuery: objects, with only what was fetched loaded.

        `parameters` are rtypes (as in omero.sys.Parameters.map) or plain values.
        Raises omero.QueryException naming what is wrong with the HQL and where.
        """
        return find_objects(self.connection, self.access, hql, parameters, page)

    def projection(
        self, hql: str, parameters: Mapping[str, Any] | None = None, page: Page | None = None
    ) -> list[list[Any]]:
        """IQuery.projection: rows of rtypes, one per selected expression; objects as RObject."""
        return find_rows(self.connection, self.access, hql, parameters, page)

    def change(self, type_name: str, changes: Mapping[int, Mapping[str, Any]]) -> None:
        """Give objects (id -> field -> plain value, the same fields for all) new values, in the
        server's own name: whether the actor may is not looked at."""
        model_type = _known_type(type_name)
        event = self._events.current()
        rows = [{"changed": i, "event": event, **fields} for i, fields in changes.items()]
        self.connection.execute(_change(model_type), rows)
        self._events.log("UPDATE", model_type, list(changes))

    def save(self, graph: Any) -> Any:
        """IUpdate.saveAndReturnObject: inserts what has no id, updates what is loaded and has
        one, takes the unloaded for references; follows references and loaded collections.

        The graph itself comes back, its ids, versions and details filled in.
        Raises omero.ValidationException (missing reference, required field empty, duplicate) and
        omero.SecurityViolation.
        """
        return self.save_all([graph])[0]

    def save_all(self, graphs: Iterable[Any]) -> list[Any]:
        """`save` for several graphs that may share objects."""
        saved = list(graphs)
        self._saver().save(saved)
        if self.has_changed_groups:
            self.__dict__.pop("access", None)
        return saved

    def enumeration(self, type_name: str, value: str) -> Any:
        """The enumeration value as an unloaded object; made when OMERO does not know it."""
        model_type = _known_type(type_name)
        return model_type.implementation(self._saver().enumeration(model_type, value), False)

    def delete(
        self,
        type_name: str,
        ids: Sequence[int],
        keep: Sequence[str] = (),
        include: Sequence[str] = (),
        dry_run: bool = False,
    ) -> Deletion:
        """`delete_all` for objects of one type."""
        return self.delete_all({type_name: ids}, keep, include, dry_run)

    def delete_all(
        self,
        targets: Mapping[str, Sequence[int]],
        keep: Sequence[str] = (),
        include: Sequence[str] = (),
        dry_run: bool = False,
    ) -> Deletion:
        """Delete objects (type name -> ids) with what OMERO deletes along with them.

        `keep`: types that are spared (ChildOption.excludeType), e.g. ("Image",) with a Dataset.
        `include`: types that are taken although something that stays uses them too, or although
        `keep` names them (includeType).
        Raises omero.SecurityViolation when the actor may not delete one of them, and
        omero.ValidationException when it would tear something apart (an image of a fileset whose
        other images stay).
        """
        for name in (*targets, *keep, *include):
            _known_type(name)
        deleter = Deleter(self.connection, self.access, self._events, keep, include)
        return deleter.delete(targets, dry_run)

    def move(
        self,
        targets: Mapping[str, Sequence[int]],
        group: int,
        keep: Sequence[str] = (),
        include: Sequence[str] = (),
        dry_run: bool = False,
    ) -> Change:
        """Move objects with what is part of them, and with what nothing that stays uses, to another
        group; links that would tie groups together go. Raises as `delete_all` does."""
        self.get("ExperimenterGroup", group)
        mover = Mover(self.connection, self.access, self._events, group, keep, include)
        return mover.change(targets, dry_run)

    def give(
        self,
        targets: Mapping[str, Sequence[int]],
        user: int,
        member_of: frozenset[int],
        keep: Sequence[str] = (),
        include: Sequence[str] = (),
        dry_run: bool = False,
    ) -> Change:
        """Give objects, with what goes along when they move, to a user, whose groups are
        `member_of`. Raises as `delete_all` does."""
        self.get("Experimenter", user)
        given = (self.connection, self.access, self._events, user, keep, include)
        return Giver(*given, member_of=member_of).change(targets, dry_run)

    def finish(self) -> None:
        """Write down what is only known at the end of a transaction."""
        self._events.flush()
        self._sequences.flush(self.connection)

    def _saver(self) -> Saver:
        return Saver(self.connection, self.access, self._sequences, self._events)


def group_permissions(connection: Connection) -> dict[int, int]:
    """Every group's permissions, as the number that OMERO keeps."""
    table = table_of(type_of("ExperimenterGroup"))
    found = connection.execute(select(table.c.id, table.c[PERMISSIONS]))
    return {row[0]: row[1] for row in found}


@cache
def _equal(model_type: Type, names: tuple[str, ...], nulls: tuple[str, ...]) -> Select[Any]:
    """Rows of a type, by id, in which these columns are parameters of their names, or null."""
    table = table_of(model_type)
    statement = select(table).order_by(table.c.id)
    if model_type.name != model_type.root:
        statement = statement.where(table.c[TYPE].in_(model_type.concrete))
    conditions = [table.c[name] == bindparam(name) for name in names]
    return statement.where(*conditions, *(table.c[name].is_(None) for name in nulls))


@cache
def _change(model_type: Type) -> Any:
    table = table_of(model_type)
    statement = update(table).where(table.c.id == bindparam("changed"))
    return statement.values({"version": table.c.version + 1, UPDATE: bindparam("event")})


def _known_type(name: str) -> Type:
    try:
        return type_of(name)
    except KeyError as error:
        raise misused(f"There is no type {name} in OMERO's model") from error
