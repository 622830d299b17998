"""From a query's tree to one SQL statement and a plan of what to make of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from omero_embedded.hql.expressions import Expressions
from omero_embedded.hql.parser import HqlError
from omero_embedded.hql.scope import Scope
from omero_embedded.hql.syntax import Construct, Join, Order, Path, Query, Root, Selected
from omero_embedded.hql.terms import Entity, Term
from omero_embedded.model.types import Member
from omero_embedded.model.values import position_column
from omero_embedded.store.access import Access


@dataclass(frozen=True, slots=True)
class Output:
    """One selected thing: its term, and where its columns begin in a row. A construct has `parts`
    instead, with their `names`."""

    term: Term | None
    start: int = 0
    kind: str = ""
    names: tuple[str, ...] = ()
    parts: tuple[Output, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetch:
    """A relation to load: places of the owner's id, the other's id and its position in a row."""

    owner_type: str
    member: Member
    owner: int
    element: int
    position: int | None


@dataclass(slots=True)
class Plan:
    """The statement's rows, what they mean, and which relations to load along."""

    columns: list[ColumnElement[Any]] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    fetches: list[Fetch] = field(default_factory=list)
    statement: Select[Any] = field(default_factory=select)

    @property
    def fetches_collection(self) -> bool:
        return any(fetch.member.kind == "collection" for fetch in self.fetches)

    def add(self, *columns: ColumnElement[Any]) -> int:
        self.columns += columns
        return len(self.columns) - len(columns)


def compile_query(query: Query, access: Access, parameters: Mapping[str, Any]) -> Plan:
    """The plan for a query, as that actor may see the store. Raises HqlError."""
    return _Compilation(access, parameters).plan(query, None)


class _Compilation:
    def __init__(self, access: Access, parameters: Mapping[str, Any]) -> None:
        self._access = access
        self._parameters = parameters

    def plan(self, query: Query, outer: Scope | None) -> Plan:
        scope = Scope(self._access, outer)
        expressions = Expressions(scope, self._parameters, self._subquery)
        plan = Plan()
        fetched, joined = self._add_sources(query, scope, expressions)
        named = self._select(query, scope, expressions, plan, joined)
        self._fetch(plan, fetched)
        if outer is not None:
            plan.columns = plan.columns[:1]
        conditions = list(scope.conditions)
        if query.where is not None:
            conditions.append(expressions.condition(query.where))
        groups = [expressions.term(group).sql for group in query.groups]
        having = None if query.having is None else expressions.condition(query.having)
        certain = [root.table.c.id for root in scope.roots]
        orders = [self._order(order, expressions, named, certain) for order in query.orders]
        statement = select(*(c.label(f"c{n}") for n, c in enumerate(plan.columns)))
        statement = statement.select_from(scope.from_clause()).where(*conditions)
        statement = statement.group_by(*groups).order_by(*orders)
        if having is not None:
            statement = statement.having(having)
        if query.distinct:
            statement = statement.distinct()
        plan.statement = statement.correlate(*scope.outer_tables())
        return plan

    def _subquery(self, query: Query, outer: Scope) -> tuple[Select[Any], Term]:
        plan = self.plan(query, outer)
        first = plan.outputs[0].term
        if first is None:
            raise HqlError("a subquery cannot construct anything")
        return plan.statement, first

    def _add_sources(
        self, query: Query, scope: Scope, expressions: Expressions
    ) -> tuple[list[tuple[Entity, Entity, Member]], list[Entity]]:
        fetched, joined = [], []
        for source in query.sources:
            if isinstance(source, Root):
                scope.add_root(source.path, source.alias)
                continue
            binding, owner, member = scope.join(source.path, source.alias, source.is_left)
            if source.condition is not None:
                scope.add_condition(expressions.condition(source.condition))
            if not isinstance(binding, Entity):
                continue
            if source.is_fetch:
                fetched.append((owner, binding, member))
                self._check_owner(source, owner, fetched, query, scope)
            else:
                joined.append(binding)
        return fetched, joined

    def _check_owner(
        self,
        join: Join,
        owner: Entity,
        fetched: list[tuple[Entity, Entity, Member]],
        query: Query,
        scope: Scope,
    ) -> None:
        selected = {
            scope.binding(item.expression.names[0])
            for item in query.selected
            if isinstance(item, Selected)
            and isinstance(item.expression, Path)
            and len(item.expression.names) == 1
        }
        present = set(scope.roots) if not query.selected else selected
        if owner not in present and all(owner is not element for _, element, _ in fetched):
            raise HqlError(
                "query specified join fetching, but the owner of the fetched association was not "
                f"present in the select list: {join.path}",
                join.path.at,
            )

    def _select(
        self,
        query: Query,
        scope: Scope,
        expressions: Expressions,
        plan: Plan,
        joined: list[Entity],
    ) -> dict[str, Term]:
        named: dict[str, Term] = {}
        if not query.selected:
            plan.outputs = [self._output(e.term, plan) for e in (*scope.roots, *joined)]
        for item in query.selected:
            if isinstance(item, Construct):
                plan.outputs.append(self._construct(item, expressions, plan))
                continue
            term = expressions.term(item.expression)
            plan.outputs.append(self._output(term, plan))
            if item.alias is not None:
                named[item.alias] = term
        return named

    def _construct(self, item: Construct, expressions: Expressions, plan: Plan) -> Output:
        if item.kind not in ("map", "list"):
            raise HqlError(f"new {item.kind}: only map and list can be constructed", item.at)
        parts = tuple(self._output(expressions.term(i.expression), plan) for i in item.items)
        names = tuple(i.alias or str(number) for number, i in enumerate(item.items))
        return Output(None, kind=item.kind, names=names, parts=parts)

    def _output(self, term: Term, plan: Plan) -> Output:
        if term.kind == "collection":
            raise HqlError("a collection cannot be selected; join it and select its alias")
        return Output(term, plan.add(term.sql, *term.further))

    def _fetch(self, plan: Plan, fetched: list[tuple[Entity, Entity, Member]]) -> None:
        for owner, element, member in fetched:
            position = None
            if member.ordered:
                position = plan.add(element.table.c[position_column(member.inverse)])
            ids = plan.add(owner.table.c.id, element.table.c.id)
            plan.fetches.append(Fetch(owner.type.name, member, ids, ids + 1, position))

    def _order(
        self,
        order: Order,
        expressions: Expressions,
        named: Mapping[str, Term],
        certain: Sequence[ColumnElement[Any]],
    ) -> ColumnElement[Any]:
        path = order.expression
        by_alias = named.get(path.names[0]) if isinstance(path, Path) else None
        use_alias = by_alias is not None and isinstance(path, Path) and len(path.names) == 1
        term = by_alias if use_alias and by_alias else expressions.term(order.expression)
        if any(term.sql is column for column in certain):
            # Never null, and left to SQLite's index.
            return term.sql.desc() if order.descending else term.sql.asc()
        # PostgreSQL, under OMERO, takes null for the largest value.
        if order.descending:
            return term.sql.desc().nulls_first()
        return term.sql.asc().nulls_last()
