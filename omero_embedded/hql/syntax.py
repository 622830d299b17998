"""HQL as a tree. Every node that can be wrong knows its place in the text (`at`, from 0)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Path:
    """`i.details.owner.id`: an alias and fields, or fields alone, or a type's name."""

    names: tuple[str, ...]
    at: int

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function; `count(*)` has no arguments and is starred, a cast names its type last."""

    name: str
    arguments: tuple[Expression, ...]
    at: int
    distinct: bool = False
    star: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """`and`, `or`, `not`, comparisons, arithmetic and `||`, with their operands in order."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    item: Expression
    choices: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class Like:
    item: Expression
    pattern: Expression
    escape: Expression | None
    ignores_case: bool
    negated: bool


@dataclass(frozen=True, slots=True)
class Between:
    item: Expression
    low: Expression
    high: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class IsNull:
    item: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class IsEmpty:
    collection: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class MemberOf:
    item: Expression
    collection: Path
    negated: bool


@dataclass(frozen=True, slots=True)
class Exists:
    query: Expression


@dataclass(frozen=True, slots=True)
class Case:
    operand: Expression | None
    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


@dataclass(frozen=True, slots=True)
class Items:
    """`(a, b)`: several expressions in parentheses."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Subquery:
    query: Query


Expression = (
    Path
    | Literal
    | Parameter
    | Call
    | Operation
    | Membership
    | Like
    | Between
    | IsNull
    | IsEmpty
    | MemberOf
    | Exists
    | Case
    | Items
    | Subquery
)


@dataclass(frozen=True, slots=True)
class Selected:
    expression: Expression
    alias: str | None


@dataclass(frozen=True, slots=True)
class Construct:
    """`new map(...)` or `new list(...)`."""

    kind: str
    items: tuple[Selected, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Root:
    """`Image i`, or a collection of an outer query's alias: `d.imageLinks l`."""

    path: Path
    alias: str | None


@dataclass(frozen=True, slots=True)
class Join:
    path: Path
    alias: str | None
    is_left: bool
    is_fetch: bool
    condition: Expression | None


@dataclass(frozen=True, slots=True)
class Order:
    expression: Expression
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """`selected` is empty when the query begins with `from`."""

    selected: tuple[Selected | Construct, ...]
    distinct: bool
    sources: tuple[Root | Join, ...]
    where: Expression | None
    groups: tuple[Expression, ...]
    having: Expression | None
    orders: tuple[Order, ...]
