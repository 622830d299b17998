"""Expressions of a query as SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
)

from omero_embedded.hql import functions
from omero_embedded.hql.parser import HqlError
from omero_embedded.hql.scope import Scope
from omero_embedded.hql.syntax import (
    Between,
    Call,
    Case,
    Exists,
    Expression,
    IsEmpty,
    IsNull,
    Items,
    Like,
    Literal,
    MemberOf,
    Membership,
    Operation,
    Parameter,
    Path,
    Query,
    Subquery,
)
from omero_embedded.hql.terms import Entity, Term
from omero_embedded.model.types import Member, type_of
from omero_embedded.model.values import plain, position_column
from omero_embedded.store.loading import one_of
from omero_embedded.store.schema import table_of

_Sql = ColumnElement[Any]
_COMPARISONS: dict[str, Callable[[_Sql, _Sql], _Sql]] = {
    "=": lambda left, right: left.op("=", is_comparison=True)(right),
    "<>": lambda left, right: left.op("<>", is_comparison=True)(right),
    "<": lambda left, right: left.op("<", is_comparison=True)(right),
    ">": lambda left, right: left.op(">", is_comparison=True)(right),
    "<=": lambda left, right: left.op("<=", is_comparison=True)(right),
    ">=": lambda left, right: left.op(">=", is_comparison=True)(right),
}
_OF_PYTHON = {bool: "RBool", int: "RLong", float: "RDouble", str: "RString"}

# A query inside this one: its statement, and what the first thing it selects is.
Compile = Callable[[Query, Scope], tuple[Select[Any], Term]]


class Expressions:
    """Translates the expressions of one query. `compile_query` does the queries inside it."""

    def __init__(self, scope: Scope, parameters: Mapping[str, Any], compile_query: Compile) -> None:
        self._scope = scope
        self._parameters = parameters
        self._compile_query = compile_query

    def condition(self, expression: Expression) -> _Sql:
        return self.term(expression).sql

    def term(self, expression: Expression) -> Term:
        """What an expression stands for. Raises HqlError."""
        match expression:
            case Path(names):
                term = self._scope.resolve(expression)
                is_size = term.kind == "collection" and names[-1] == "size"
                return self._size(term) if is_size else term
            case Literal(value):
                return _literal(value, "RInt" if type(value) is int else None)
            case Parameter():
                return self._parameter(expression)
            case Call():
                return self._call(expression)
            case Operation(operator, operands):
                return self._operation(operator, [self.term(operand) for operand in operands])
            case Subquery(query):
                return self._subquery(query)
            case Case():
                return self._case(expression)
            case Items():
                raise HqlError("a list of expressions stands where one value is needed")
            case _:
                return Term("value", self._predicate(expression), "RBool")

    def _predicate(self, expression: Expression) -> _Sql:
        match expression:
            case Membership(item, choices, negated):
                result = self._is_in(self.term(item).sql, choices)
            case Like(item, pattern, escape, ignores_case, negated):
                result = self._like(item, pattern, escape, ignores_case)
            case Between(item, low, high, negated):
                value = self.term(item).sql
                result = value.between(self.term(low).sql, self.term(high).sql)
            case IsNull(item, negated):
                result = self.term(item).sql.is_(null())
            case IsEmpty(collection, negated):
                result = not_(exists(self._elements(self._collection(collection))))
            case MemberOf(item, path, negated):
                elements = self._elements(self._collection(path))
                result = self.term(item).sql.in_(elements)
            case Exists(Subquery(query)):
                result, negated = exists(self._compile_query(query, self._scope)[0]), False
            case _:
                raise HqlError("exists needs a subquery")
        return not_(result) if negated else result

    # Values

    def _parameter(self, parameter: Parameter) -> Term:
        value = self._value_of(parameter)
        if isinstance(plain(value), list):
            raise HqlError(f":{parameter.name} is a list where one value is needed", parameter.at)
        name = type(value).__name__.removesuffix("I")
        return _literal(plain(value), name if name in _RTYPES else None)

    def _value_of(self, parameter: Parameter) -> Any:
        value = self._parameters.get(parameter.name)
        if value is None or plain(value) is None:
            raise HqlError(f"Null parameters not allowed: {parameter.name}", parameter.at)
        return value

    def _operation(self, operator: str, operands: list[Term]) -> Term:
        values = [operand.sql for operand in operands]
        if operator in ("and", "or"):
            return Term("value", (and_ if operator == "and" else or_)(*values), "RBool")
        if operator == "not":
            return Term("value", not_(values[0]), "RBool")
        if operator in _COMPARISONS:
            return Term("value", _COMPARISONS[operator](*values), "RBool")
        if operator == "||":
            return Term("value", functions.joined(values), "RString")
        if operator == "negative":
            return Term("value", literal(0).op("-")(values[0]), operands[0].target)
        return Term("value", values[0].op(operator)(values[1]), _wider(operands))

    def _case(self, expression: Case) -> Term:
        operand = expression.operand
        branches = []
        results = []
        for condition, value in expression.branches:
            test = self.term(condition).sql
            if operand is not None:
                test = _COMPARISONS["="](self.term(operand).sql, test)
            results.append(self.term(value))
            branches.append((test, results[-1].sql))
        otherwise = None if expression.otherwise is None else self.term(expression.otherwise)
        sql = case(*branches, else_=null() if otherwise is None else otherwise.sql)
        return Term("value", sql, results[0].target)

    def _subquery(self, query: Query) -> Term:
        statement, first = self._compile_query(query, self._scope)
        if first.kind == "entity":
            return Term("entity", statement.scalar_subquery(), first.target)
        return Term("value", statement.scalar_subquery(), first.target)

    # Functions

    def _call(self, call: Call) -> Term:
        if call.star:
            if call.name != "count":
                raise HqlError(f"{call.name}(*) is no function", call.at)
            return functions.count_all()
        if call.name in ("size", "index", "minindex", "maxindex", "class", "type", "cast"):
            return self._special(call)
        if not functions.is_known(call.name):
            raise HqlError(f"there is no function {call.name}", call.at)
        arguments = [self.term(argument) for argument in call.arguments]
        try:
            return functions.call(call.name, arguments, call.distinct)
        except (TypeError, ValueError, IndexError) as error:
            raise HqlError(f"{call.name} takes other arguments: {error}", call.at) from error

    def _special(self, call: Call) -> Term:
        argument = call.arguments[0]
        if call.name == "cast":
            name = str(call.arguments[1])
            converted = functions.converted(self.term(argument), name.lower())
            if converted is None:
                raise HqlError(f"nothing can be cast to {name}", call.at)
            return converted
        if not isinstance(argument, Path) or len(call.arguments) != 1:
            raise HqlError(f"{call.name} takes one alias or path", call.at)
        if call.name == "size":
            return self._size(self._collection(argument))
        if call.name in ("class", "type"):
            names = argument.names if argument.names[-1] == "class" else (*argument.names, "class")
            return self._scope.resolve(Path(names, argument.at))
        return self._index(call.name, argument)

    def _size(self, collection: Term) -> Term:
        elements = self._elements(collection, func.count())
        return Term("value", elements.scalar_subquery(), "RInt")

    def _index(self, name: str, path: Path) -> Term:
        """The place of an element in its ordered collection, or the first or last place there."""
        entity = self._scope.binding(path.names[0]) if len(path.names) == 1 else None
        holder: _Sql
        if isinstance(entity, Entity):
            reference = _ordering(entity, path)
            place = entity.table.c[position_column(reference)]
            if name == "index":
                return Term("value", place, "RInt")
            table = table_of(entity.type).alias()
            holder = entity.table.c[reference]
        else:
            collection = self._collection(path)
            member = _member(collection)
            table = table_of(type_of(member.target)).alias()
            reference, holder = member.inverse, collection.sql
        edge_of = func.min if name == "minindex" else func.max
        edge = edge_of(table.c[position_column(reference)])
        found = select(edge).where(table.c[reference] == holder)
        return Term("value", found.scalar_subquery(), "RInt")

    # Collections and choices

    def _collection(self, expression: Expression) -> Term:
        if isinstance(expression, Path):
            term = self._scope.resolve(expression)
            if term.kind == "collection":
                return term
            raise HqlError(f"{expression} is no collection", expression.at)
        raise HqlError("a path to a collection is needed")

    def _elements(self, collection: Term, selected: _Sql | None = None) -> Select[Any]:
        """The elements' ids, as a subquery."""
        member = _member(collection)
        element_type = type_of(member.target)
        table = table_of(element_type).alias()
        statement = select(table.c.id if selected is None else selected)
        statement = statement.select_from(table)
        statement = statement.where(table.c[member.inverse] == collection.sql)
        readable = self._scope.access.readable(element_type, table)
        if readable is not None:
            statement = statement.where(readable)
        return statement.correlate_except(table)

    def _is_in(self, item: _Sql, choices: Expression) -> _Sql:
        match choices:
            case Subquery(query):
                return item.in_(self._compile_query(query, self._scope)[0])
            case Parameter():
                values = plain(self._value_of(choices))
                return one_of(item, values if isinstance(values, list) else [values])
            case Items(items):
                return item.in_([self.term(choice).sql for choice in items])
            case Call(name="elements", arguments=(collection,)):
                return item.in_(self._elements(self._collection(collection)))
            case _:
                term = self.term(choices)
                if term.kind == "collection":
                    return item.in_(self._elements(term))
                return item.in_([term.sql])

    def _like(
        self, item: Expression, pattern: Expression, escape: Expression | None, ignores_case: bool
    ) -> _Sql:
        value, wanted = self.term(item).sql, self.term(pattern).sql
        if ignores_case:
            value, wanted = func.lower(value), func.lower(wanted)
        # PostgreSQL, under OMERO, escapes with a backslash unless told otherwise.
        character = str(escape.value) if isinstance(escape, Literal) else "\\"
        return value.like(wanted, escape=character)


_RTYPES = ("RInt", "RLong", "RBool", "RDouble", "RFloat", "RString", "RTime")


def _literal(value: Any, target: str | None) -> Term:
    if value is None:
        return Term("value", null(), "RString")
    if isinstance(value, bool):
        # SQLite's booleans are numbers.
        return Term("value", literal(int(value)), "RBool")
    return Term("value", literal(value), target or _OF_PYTHON[type(value)])


def _wider(operands: list[Term]) -> str:
    targets = {operand.target for operand in operands}
    for target in ("RDouble", "RFloat", "RTime", "RLong"):
        if target in targets:
            return target
    return "RInt"


def _ordering(entity: Entity, path: Path) -> str:
    """The reference by which an element has a place."""
    if entity.via is not None and entity.via.ordered:
        return entity.via.inverse
    positions = entity.type.positions
    if len(positions) != 1:
        raise HqlError(f"{path} is in no ordered collection", path.at)
    return next(iter(positions))


def _member(collection: Term) -> Member:
    if collection.member is None:
        raise HqlError("that collection has no elements to look at")
    return collection.member
