from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_embedded.hql.parser import HqlError, parse
from omero_embedded.hql.syntax import (
    Between,
    Call,
    Expression,
    IsNull,
    Join,
    Like,
    Literal,
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


def _where(text: str) -> Expression | None:
    return parse(f"from Image i where {text}").where


def _path(text: str, at: int = 19) -> Path:
    return Path(tuple(text.split(".")), at)


def test_the_parts_of_a_query() -> None:
    query = parse(
        "SELECT DISTINCT i.id AS x, count(*) FROM Image AS i LEFT OUTER JOIN FETCH i.pixels p, "
        "Dataset d WHERE i.id = :id GROUP BY i.id HAVING count(*) > 1 ORDER BY i.name DESC, x"
    )
    assert query.distinct
    assert [item.alias for item in query.selected if isinstance(item, Selected)] == ["x", None]
    root, join, other = query.sources
    assert isinstance(root, Root) and root.alias == "i"
    assert isinstance(join, Join) and join.is_left and join.is_fetch and join.alias == "p"
    assert isinstance(other, Root) and str(other.path) == "Dataset"
    assert len(query.groups) == 1
    assert query.having is not None
    assert [order.descending for order in query.orders] == [True, False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i.a = 1 and i.b = 2 or i.c = 3", "or"),
        ("not i.a = 1 and i.b = 2", "and"),
        ("not (i.a = 1 and i.b = 2)", "not"),
        ("i.a + 1 * 2 = 3", "="),
        ("i.a != 1", "<>"),
    ],
)
def test_what_binds_least_is_on_top(text: str, expected: str) -> None:
    where = _where(text)
    assert isinstance(where, Operation)
    assert where.operator == expected


def test_arithmetic_goes_from_the_left() -> None:
    where = _where("i.a - 2 - 1 = 0")
    assert isinstance(where, Operation)
    minus = Operation("-", (Operation("-", (_path("i.a"), Literal(2))), Literal(1)))
    assert where.operands[0] == minus


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i.a in (:ids)", Membership(_path("i.a"), Parameter("ids", 27), False)),
        ("i.a not in :ids", Membership(_path("i.a"), Parameter("ids", 30), True)),
        ("i.a like 'x%'", Like(_path("i.a"), Literal("x%"), None, False, False)),
        ("i.a not ilike 'x'", Like(_path("i.a"), Literal("x"), None, True, True)),
        ("i.a between 1 and 2", Between(_path("i.a"), Literal(1), Literal(2), False)),
        ("i.a is not null", IsNull(_path("i.a"), True)),
        ("I.A IS NULL", IsNull(_path("I.A"), False)),
    ],
)
def test_predicates(text: str, expected: Expression) -> None:
    assert _where(text) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [("'it''s'", "it's"), ("12", 12), ("12L", 12), ("1.5", 1.5), ("2e3", 2000.0), ("TRUE", True)],
)
def test_literals(text: str, value: object) -> None:
    where = _where(f"i.a = {text}")
    assert isinstance(where, Operation)
    assert where.operands[1] == Literal(value)  # type: ignore[arg-type]


def test_keywords_are_names_where_only_a_name_can_stand() -> None:
    query = parse("select l.order.group, l.member from Link l where l.details.group.id = 1")
    paths = [item.expression for item in query.selected if isinstance(item, Selected)]
    assert [str(path) for path in paths] == ["l.order.group", "l.member"]


def test_subqueries_stand_where_values_do() -> None:
    where = _where("i.a = (select max(j.a) from Image j)")
    assert isinstance(where, Operation)
    assert isinstance(where.operands[1], Subquery)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("selec i from Image i", 0),
        ("select i from", 13),
        ("select i from Image i where i.name = 'open", 37),
        ("select i from Image i where i.name ==", 36),
        ("select i fro Image i", 9),
        ("select i from Image i where i.id in (1, 2", 41),
        ("", 0),
    ],
)
def test_errors_say_where(text: str, at: int) -> None:
    with pytest.raises(HqlError) as error:
        parse(text)
    assert error.value.at == at


# A property: whatever tree there is, written out as HQL, it is read back as the same tree.

_NAMES = st.sampled_from(["i", "image", "details", "owner", "id", "value", "x1", "_y"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map(lambda names: Path(tuple(names), 0))
_LEAVES = st.one_of(
    _PATHS,
    st.integers(0, 10**9).map(Literal),
    st.text("ab'% é", max_size=5).map(Literal),
    st.booleans().map(Literal),
    st.just(Literal(None)),
    _NAMES.map(lambda name: Parameter(name, 0)),
)


def _values(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.builds(lambda o, p: Operation(o, p), st.sampled_from("+-*/"), pair),
        st.builds(lambda n, a: Call(n, tuple(a), 0), _NAMES, st.lists(inner, max_size=3)),
    )


_VALUES = st.recursive(_LEAVES, _values, max_leaves=6)
_SIMPLE = st.one_of(
    st.builds(
        lambda o, p: Operation(o, p),
        st.sampled_from(["=", "<>", "<", ">="]),
        st.tuples(_VALUES, _VALUES),
    ),
    st.builds(Between, _VALUES, _VALUES, _VALUES, st.booleans()),
    st.builds(IsNull, _VALUES, st.booleans()),
    st.builds(Like, _VALUES, _VALUES, st.none(), st.booleans(), st.booleans()),
)
_CONDITIONS = st.recursive(
    _SIMPLE,
    lambda inner: st.one_of(
        st.builds(
            lambda o, p: Operation(o, tuple(p)),
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=2, max_size=3),
        ),
        inner.map(lambda operand: Operation("not", (operand,))),
    ),
    max_leaves=5,
)
_QUERIES = st.builds(
    Query,
    st.lists(st.builds(Selected, _VALUES, st.none() | _NAMES), max_size=3).map(tuple),
    st.just(False),
    st.lists(
        st.builds(Join, _PATHS, st.none() | _NAMES, st.booleans(), st.booleans(), st.none()),
        max_size=3,
    ).map(lambda joins: (Root(Path(("Image",), 0), "i"), *joins)),
    st.none() | _CONDITIONS,
    st.lists(_VALUES, max_size=2).map(tuple),
    st.none(),
    st.lists(st.builds(Order, _VALUES, st.booleans()), max_size=2).map(tuple),
)


def _text(node: object) -> str:
    match node:
        case Path(names):
            return ".".join(names)
        case Parameter(name):
            return f":{name}"
        case Literal(value):
            if isinstance(value, str):
                return "'" + value.replace("'", "''") + "'"
            return "null" if value is None else str(value)
        case Call(name, arguments):
            return f"{name}({', '.join(map(_text, arguments))})"
        case Operation("not", (operand,)):
            return f"not ({_text(operand)})"
        case Operation(operator, operands):
            return f" {operator} ".join(f"({_text(operand)})" for operand in operands)
        case Between(item, low, high, negated):
            word = "not between" if negated else "between"
            return f"({_text(item)}) {word} ({_text(low)}) and ({_text(high)})"
        case IsNull(item, negated):
            return f"({_text(item)}) is {'not ' if negated else ''}null"
        case Like(item, pattern, _, ignores_case, negated):
            word = ("not " if negated else "") + ("ilike" if ignores_case else "like")
            return f"({_text(item)}) {word} ({_text(pattern)})"
        case Selected(expression, alias):
            return _text(expression) + (f" as {alias}" if alias else "")
        case Root(path, alias):
            return f"{_text(path)} {alias}"
        case Join(path, alias, is_left, is_fetch):
            words = ["left join" if is_left else "join", "fetch" if is_fetch else "", _text(path)]
            return " ".join([*words, f"as {alias}" if alias else ""])
        case Order(expression, descending):
            return _text(expression) + (" desc" if descending else "")
        case Query(selected, _, sources, where, groups, _, orders):
            return " ".join(
                [
                    "select " + ", ".join(map(_text, selected)) if selected else "",
                    "from " + " ".join(map(_text, sources)),
                    "where " + _text(where) if where else "",
                    "group by " + ", ".join(map(_text, groups)) if groups else "",
                    "order by " + ", ".join(map(_text, orders)) if orders else "",
                ]
            )
    raise TypeError(node)


@given(_QUERIES)
def test_a_query_that_is_written_out_is_read_back(query: Query) -> None:
    assert _text(parse(_text(query))) == _text(query)


@given(st.text("selct from where i.=(),':*1", max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        parse(text)
    except HqlError as error:
        assert error.at is not None
        assert 0 <= error.at <= len(text)
