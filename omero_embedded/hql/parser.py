"""From the text of a query to its tree."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path as File
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput

from omero_embedded.hql.syntax import (
    Between,
    Call,
    Case,
    Construct,
    Exists,
    Expression,
    IsEmpty,
    IsNull,
    Items,
    Join,
    Like,
    Literal,
    MemberOf,
    Membership,
    Operation,
    Order,
    Parameter,
    Path,
    Query,
    Root,
    Selected,
    Subquery,
)


class HqlError(Exception):
    """HQL that makes no sense; `at` is where in the text (from 0), None when that is unknown."""

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.at = at


@lru_cache(maxsize=512)
def parse(text: str) -> Query:
    """The tree of a query. Raises HqlError naming what was not understood and where."""
    try:
        return _parser().parse(text)
    except UnexpectedCharacters as error:
        raise HqlError(f"unexpected {error.char!r}", error.pos_in_stream) from error
    except UnexpectedInput as error:
        token = getattr(error, "token", None)
        if not token:
            raise HqlError("the query ends too early", len(text)) from error
        raise HqlError(f"unexpected {str(token)!r}", error.pos_in_stream) from error


@v_args(inline=True)
class _Tree(Transformer[Token, Query]):
    def start(self, query: Query) -> Query:
        return query

    def query(self, select: Any, sources: Any, where: Any, group: Any, order: Any) -> Query:
        distinct, selected = select or (False, ())
        groups, having = group or ((), None)
        return Query(selected, distinct, sources, where, groups, having, order or ())

    def select(self, distinct: Any, *items: Any) -> Any:
        return bool(distinct), items

    def named(self, expression: Expression, alias: Token | None) -> Selected:
        return Selected(expression, _name(alias))

    def construct(self, kind: Token, *items: Selected) -> Construct:
        return Construct(str(kind).lower(), items, _at(kind))

    def from_clause(self, *sources: Root | Join) -> Any:
        return sources

    def source(self, path: Path, alias: Token | None) -> Root:
        return Root(path, _name(alias))

    def join(self, kind: Any, fetch: Any, path: Path, alias: Any, condition: Any) -> Join:
        is_left = kind is not None and kind.lower() == "left"
        return Join(path, _name(alias), is_left, fetch is not None, condition)

    def where(self, condition: Expression) -> Expression:
        return condition

    def group(self, groups: Any, having: Any) -> Any:
        return groups, having

    def expressions(self, *items: Expression) -> Any:
        return items

    def order(self, *orders: Order) -> Any:
        return orders

    def ordered(self, expression: Expression, direction: Token | None) -> Order:
        descending = direction is not None and direction.lower().startswith("desc")
        return Order(expression, descending)

    def or_expr(self, *operands: Expression) -> Operation:
        return Operation("or", operands)

    def and_expr(self, *operands: Expression) -> Operation:
        return Operation("and", operands)

    def negation(self, _not: Token, operand: Expression) -> Operation:
        return Operation("not", (operand,))

    def exists(self, query: Expression) -> Exists:
        return Exists(query)

    def comparison(self, left: Expression, operator: Token, right: Expression) -> Operation:
        symbol = "<>" if operator in ("!=", "^=") else str(operator)
        return Operation(symbol, (left, right))

    def membership(self, item: Expression, negated: Any, choices: Expression) -> Membership:
        return Membership(item, choices, negated is not None)

    def like(
        self, item: Expression, negated: Any, word: Token, pattern: Expression, escape: Any
    ) -> Like:
        return Like(item, pattern, escape, word.lower() == "ilike", negated is not None)

    def between(self, item: Expression, negated: Any, low: Expression, high: Expression) -> Between:
        return Between(item, low, high, negated is not None)

    def is_null(self, item: Expression, negated: Any) -> IsNull:
        return IsNull(item, negated is not None)

    def is_empty(self, collection: Expression, negated: Any) -> IsEmpty:
        return IsEmpty(collection, negated is not None)

    def member_of(self, item: Expression, negated: Any, collection: Path) -> MemberOf:
        return MemberOf(item, collection, negated is not None)

    def concat(self, *operands: Expression) -> Operation:
        return Operation("||", operands)

    def sum(self, *parts: Any) -> Operation:
        return _chain(parts)

    product = sum

    def signed(self, sign: Token, operand: Expression) -> Expression:
        return Operation("negative", (operand,)) if sign == "-" else operand

    def string(self, token: Token) -> Literal:
        return Literal(token[1:-1].replace("''", "'"))

    def number(self, token: Token) -> Literal:
        digits = token.rstrip("lLdDfF")
        is_whole = digits.isdigit() and token[-1] not in "dDfF"
        return Literal(int(digits) if is_whole else float(digits))

    def boolean(self, token: Token) -> Literal:
        return Literal(token.lower() == "true")

    def null(self) -> Literal:
        return Literal(None)

    def parameter(self, token: Token) -> Parameter:
        return Parameter(token[1:], _at(token))

    def path(self, *names: Token) -> Path:
        return Path(tuple(str(name) for name in names), _at(names[0]))

    def call(self, name: Token, distinct: Any, arguments: Any) -> Call:
        return Call(name.lower(), arguments or (), _at(name), distinct=distinct is not None)

    def call_star(self, name: Token, _star: Token) -> Call:
        return Call(name.lower(), (), _at(name), star=True)

    def cast(self, expression: Expression, target: Token) -> Call:
        named = Path((str(target),), _at(target))
        return Call("cast", (expression, named), _at(target))

    def case(self, operand: Any, *rest: Any) -> Case:
        return Case(operand, rest[:-1], rest[-1])

    def when(self, condition: Expression, value: Expression) -> Any:
        return condition, value

    def subquery(self, query: Query) -> Subquery:
        return Subquery(query)

    def items(self, *items: Expression) -> Expression:
        return items[0] if len(items) == 1 else Items(items)


def _chain(parts: tuple[Any, ...]) -> Operation:
    """`a - b + c` from its operands and operators in turn."""
    result = parts[0]
    for operator, operand in zip(parts[1::2], parts[2::2], strict=True):
        result = Operation(str(operator), (result, operand))
    return result


def _name(token: Token | None) -> str | None:
    return None if token is None else str(token)


def _at(token: Token) -> int:
    return token.start_pos or 0


@cache
def _parser() -> Lark:
    # Made for the first query: a server should be there before that is done.
    return Lark(
        File(__file__).with_name("grammar.lark").read_text("utf-8"),
        parser="lalr",
        transformer=_Tree(),
        maybe_placeholders=True,
    )
