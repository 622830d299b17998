"""Rows into a table, many at once.

SQLAlchemy makes the statement, and SQLite is given the values as they are: what SQLAlchemy does for
each value of each row takes longer than SQLite does. Times, texts and numbers need none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, create_engine, insert

from omero_embedded.model.types import Type
from omero_embedded.store.schema import table_of

_DIALECT = create_engine("sqlite://").dialect


def insert_rows(connection: Connection, model_type: Type, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of one type, at least one, which all have the same columns."""
    statement, values = _insertion(model_type, tuple(rows[0]))
    connection.exec_driver_sql(statement, [values(row) for row in rows])


@cache
def _insertion(model_type: Type, columns: tuple[str, ...]) -> tuple[str, itemgetter[str]]:
    """The statement, and what picks the values of its places from a row."""
    compiled: Any = insert(table_of(model_type)).compile(
        dialect=_DIALECT, column_keys=list(columns)
    )
    return str(compiled), itemgetter(*compiled.positiontup)
