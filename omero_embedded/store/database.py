"""The SQLite file: how it is opened, and its tables made."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.schema import CreateIndex, CreateTable

from omero_embedded.store import bootstrap
from omero_embedded.store.schema import metadata, tables

FILE_NAME = "omero.sqlite"


def open_database(folder: Path) -> Engine:
    """The engine of the store in `folder`, made when missing.

    Raises RuntimeError when the file was made for another version of OMERO's model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    engine = create_engine(f"sqlite:///{path}", pool_size=8, max_overflow=56, query_cache_size=4000)
    event.listen(engine, "connect", _prepare)
    # SQLAlchemy's own BEGIN would come too late for reads to share one view.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with engine.begin() as connection:
        _ensure_tables(connection, path)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        # A killed process loses nothing in WAL mode; a power cut may lose the last moments.
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "case_sensitive_like=ON",
        "busy_timeout=10000",
        "cache_size=-65536",
    ):
        connection.execute(f"PRAGMA {pragma}")
    # SQLite's own know ASCII letters only.
    connection.create_function("lower", 1, _lower, deterministic=True)
    connection.create_function("upper", 1, _upper, deterministic=True)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _ensure_tables(connection: Connection, path: Path) -> None:
    statements = _statements()
    wanted = zlib.crc32("\n".join(statements).encode()) & 0x7FFFFFFF
    found = connection.exec_driver_sql("PRAGMA user_version").scalar()
    if found == wanted:
        return
    if found:
        raise RuntimeError(
            f"{path} was made for another version of OMERO's model (omero-py was changed since). "
            "Use the omero-py it was made with, or move the folder away and begin a new store."
        )
    for statement in statements:
        connection.exec_driver_sql(statement)
    bootstrap.fill(connection)
    connection.exec_driver_sql(f"PRAGMA user_version={wanted}")


@cache
def _statements() -> list[str]:
    tables()
    statements = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=_DIALECT)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index).compile(dialect=_DIALECT)) for index in indexes]
    return statements


_DIALECT = create_engine("sqlite://").dialect
