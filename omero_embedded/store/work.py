"""What can be done in one transaction, in the name of one actor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omero_embedded.store.actor import Actor


@dataclass(frozen=True, slots=True)
class Page:
    """omero.sys.Filter: where to begin, how many, and whose (None: as far as permissions go)."""

    offset: int | None = None
    limit: int | None = None
    owner_id: int | None = None
    group_id: int | None = None


@dataclass(slots=True)
class Deletion:
    """What a deletion took: ids by type name, and the OriginalFile rows among them.

    `files` are the loaded OriginalFiles as they were; their bytes are the caller's to remove,
    after the transaction.
    """

    ids: dict[str, list[int]] = field(default_factory=dict)
    files: list[Any] = field(default_factory=list)


class Work:
    """Model objects go in and come out as omero.model objects.

    Every object that comes out carries `details.permissions` as the actor has them.
    """

    actor: Actor

    def get(self, type_name: str, object_id: int) -> Any:
        """The object with all its scalars; references unloaded, collections not loaded.
        Raises omero.ValidationException when it is missing or hidden from the actor.
        """
        raise NotImplementedError

    def find(self, type_name: str, object_id: int) -> Any | None:
        """As `get`, but None when it is missing or hidden."""
        raise NotImplementedError

    def find_by(self, type_name: str, **values: Any) -> list[Any]:
        """Objects whose fields equal these plain values (an id for a reference), by id."""
        raise NotImplementedError

    def query(
        self, hql: str, parameters: Mapping[str, Any] | None = None, page: Page | None = None
    ) -> list[Any]:
        """IQuery.findAllByQuery: objects, with only what was fetched loaded.

        `parameters` are rtypes (as in omero.sys.Parameters.map) or plain values.
        Raises omero.QueryException naming what is wrong with the HQL and where.
        """
        raise NotImplementedError

    def projection(
        self, hql: str, parameters: Mapping[str, Any] | None = None, page: Page | None = None
    ) -> list[list[Any]]:
        """IQuery.projection: rows of rtypes, one per selected expression; objects as RObject."""
        raise NotImplementedError

    def save(self, graph: Any) -> Any:
        """IUpdate.saveAndReturnObject: inserts what has no id, updates what is loaded and has
        one, takes the unloaded for references; follows references and loaded collections.

        The graph itself comes back, its ids, versions and details filled in.
        Raises omero.ValidationException (missing reference, required field empty, duplicate) and
        omero.SecurityViolation.
        """
        raise NotImplementedError

    def save_all(self, graphs: Iterable[Any]) -> list[Any]:
        """`save` for several graphs that may share objects."""
        raise NotImplementedError

    def delete(
        self,
        type_name: str,
        ids: Sequence[int],
        keep: Sequence[str] = (),
        dry_run: bool = False,
    ) -> Deletion:
        """Delete objects with what OMERO deletes along with them.

        `keep`: types that are spared (ChildOption.excludeType), e.g. ("Image",) with a Dataset.
        Raises omero.SecurityViolation when the actor may not delete one of them, and
        omero.ValidationException when it would tear something apart (an image of a fileset whose
        other images stay).
        """
        raise NotImplementedError

    def enumeration(self, type_name: str, value: str) -> Any:
        """The enumeration value as an unloaded object; made when OMERO does not know it."""
        raise NotImplementedError
