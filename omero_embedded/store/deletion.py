"""What goes when an object goes: OMERO's deletion graph, walked over the store's rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, delete, null, select, update

from omero_embedded.model.types import Type, all_types, lineage, type_of
from omero_embedded.store.access import Access, file_kind
from omero_embedded.store.deletion_graph import Graph
from omero_embedded.store.deletion_rules import HELD_FAST, WHOEVER_OWNS_IT
from omero_embedded.store.errors import forbidden, invalid
from omero_embedded.store.events import Events
from omero_embedded.store.loading import Loader, one_of
from omero_embedded.store.schema import GROUP, OWNER, TYPE, table_of, tables

Reason = Literal["asked for", "part", "orphan"]


@dataclass(slots=True)
class Deletion:
    """What a deletion took: ids by type name, and the OriginalFile rows among them.

    `files` are the loaded OriginalFiles as they were; their bytes are the caller's to remove,
    after the transaction.
    """

    ids: dict[str, list[int]] = field(default_factory=dict)
    files: list[Any] = field(default_factory=list)


class Deleter:
    """One deletion. `keep` are types that are spared, `include` those taken though still in use or
    among those spared: `omero delete --include TagAnnotation` always sends tags as spared too."""

    act, acting = "delete", "Deleting"

    def __init__(
        self,
        connection: Connection,
        access: Access,
        events: Events,
        keep: Sequence[str] = (),
        include: Sequence[str] = (),
    ) -> None:
        self._connection = connection
        self._access = access
        self._events = events
        self._keep = {type_of(name).name for name in keep}
        self._include = {type_of(name).name for name in include}
        # root -> id -> type, for what is to go
        self._doomed: dict[str, dict[int, str]] = defaultdict(dict)
        self._graph = Graph(connection, self._doomed)
        self._pending: list[tuple[str, list[int]]] = []
        self._candidates: dict[str, set[int]] = defaultdict(set)

    def delete(self, targets: Mapping[str, Sequence[int]], dry_run: bool) -> Deletion:
        """See Work.delete."""
        self.plan(targets)
        deletion = self._summary()
        if not dry_run:
            self._let_go()
            self._remove(deletion)
        return deletion

    def plan(self, targets: Mapping[str, Sequence[int]]) -> None:
        """Find all that goes with the targets. Raises when something would be torn apart."""
        for type_name, ids in targets.items():
            self._doom_asked_for(type_of(type_name), ids)
        while self._pending or self._settle():
            while self._pending:
                self._expand(*self._pending.pop())
        self._check_what_holds_fast()

    def condemned(self) -> dict[str, list[int]]:
        """What goes: ids by type name."""
        by_type: dict[str, list[int]] = defaultdict(list)
        for doomed in self._doomed.values():
            for object_id, name in sorted(doomed.items()):
                by_type[name].append(object_id)
        return {name: ids for name, ids in sorted(by_type.items()) if ids}

    # Condemning

    def _doom_asked_for(self, model_type: Type, ids: Sequence[int]) -> None:
        self._doom(model_type.root, ids, "asked for")
        for object_id in ids:
            found = self._doomed[model_type.root].get(object_id)
            if found is None or model_type.name not in lineage(found):
                raise invalid(f"There is no {model_type.name} with id {object_id} to {self.act}")

    def _doom(self, root: str, ids: Iterable[int], reason: Reason) -> None:
        """Condemn objects. Raises omero.SecurityViolation when one that is asked for, or part of
        another, is not the actor's to delete; an orphan then stays."""
        fresh = set(ids) - set(self._doomed[root])
        by_type = defaultdict(list)
        for row in self._rows(root, fresh) if fresh else ():
            name = row[TYPE]
            family = set(lineage(name))
            if reason != "asked for" and self._keep & family and not self._include & family:
                continue
            if not self._may_take(name, row, reason):
                if reason == "orphan":
                    continue
                raise forbidden(
                    f"{self.acting} {type_of(name).java_name}:Id_{row['id']} not allowed."
                )
            self._doomed[root][row["id"]] = name
            by_type[name].append(row["id"])
        self._pending += by_type.items()

    def _rows(self, root: str, ids: Iterable[int]) -> Iterable[Any]:
        table = table_of(type_of(root))
        shown = [table.c.id, table.c[TYPE], table.c[OWNER], table.c[GROUP]]
        if root == "OriginalFile":
            shown += [table.c.mimetype, table.c.repo]
        return self._connection.execute(select(*shown).where(one_of(table.c.id, ids))).mappings()

    def _may_take(self, name: str, row: Any, reason: Reason) -> bool:
        model_type = type_of(name)
        if reason != "asked for" and (model_type.is_link or name in WHOEVER_OWNS_IT):
            return True
        kind = file_kind(model_type, row)
        return self._access.may("delete", model_type, row[OWNER], row[GROUP], kind)

    def _expand(self, type_name: str, ids: list[int]) -> None:
        """Condemn what belongs to these, and consider what they shared."""
        for root, found in self._graph.contained(type_name, ids):
            self._doom(root, found, "part")
        for root, found in self._graph.shared(type_name, ids):
            self._candidates[root] |= found - set(self._doomed[root])
        notes = self._graph.annotations(type_name, ids, self._include)
        self._candidates["Annotation"] |= notes - set(self._doomed["Annotation"])
        for root, found in self._graph.links(type_name, ids):
            self._doom(root, found, "part")

    # Candidates

    def _settle(self) -> bool:
        """Condemn the candidates that nothing holds any more. Says whether there were any."""
        for root in self._candidates:
            self._candidates[root] -= set(self._doomed[root])
        free = {root: self._unheld(root, ids) for root, ids in self._candidates.items() if ids}
        images = free.get("Image", set())
        if images:
            free["Image"] = images - self._graph.in_filesets_that_stay(images)
        for root, ids in free.items():
            self._doom(root, ids, "orphan")
            self._candidates[root] -= ids
        emptied = self._graph.emptied_filesets()
        self._doom("Fileset", emptied, "orphan")
        return bool(self._pending)

    def _unheld(self, root: str, ids: set[int]) -> set[int]:
        held = self._graph.held(root, ids)
        if held and self._include:
            held = {
                row["id"]
                for row in self._rows(root, held)
                if not self._include & set(lineage(row[TYPE]))
            }
        return ids - held

    def _check_what_holds_fast(self) -> None:
        split = self._graph.split_filesets()
        if split:
            fileset, gone, stays = split
            raise invalid(
                f"within Fileset[{fileset}] may not {self.act} Image[{gone}] while Image[{stays}] "
                f"remains: {self.act} the whole fileset"
            )
        for owner, member in HELD_FAST:
            for holder, held in self._graph.remaining_holders(owner, member):
                raise invalid(
                    f"may not {self.act} {type_of(owner).members[member].target}[{held}] while "
                    f"{owner}[{holder}] remains"
                )

    # Doing it

    def _summary(self) -> Deletion:
        by_type = self.condemned()
        files = by_type.get("OriginalFile", [])
        loader = Loader(self._connection, self._access)
        loader.load("OriginalFile", files)
        loader.finish()
        return Deletion(by_type, [loader.object("OriginalFile", i) for i in files])

    def _let_go(self) -> None:
        """Empty the references to what goes, where they may be empty."""
        required = {
            (t.root, m.name) for t in all_types().values() for m in t.references if m.required
        }
        roots = {table.name: root for root, table in tables().items()}
        references = [
            (root, column, roots[key.column.table.name])
            for root, table in tables().items()
            for column in table.columns
            for key in column.foreign_keys
        ]
        for root, column, target in references:
            doomed = self._doomed.get(target)
            if doomed and (root, column.name) not in required:
                statement = update(column.table).where(one_of(column, doomed))
                self._connection.execute(statement.values({column.name: null()}))

    def _remove(self, deletion: Deletion) -> None:
        for root, doomed in self._doomed.items():
            table = table_of(type_of(root))
            self._connection.execute(delete(table).where(one_of(table.c.id, doomed)))
        for name, ids in deletion.ids.items():
            self._events.log("DELETE", type_of(name), ids)
