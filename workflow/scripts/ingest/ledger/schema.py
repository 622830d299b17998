"""The ledger's tables, and the database they are in. migrations/ holds how they came about.

Times are texts: UTC, ISO 8601, with microseconds, so that they sort.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    inspect,
)
from sqlalchemy.exc import SQLAlchemyError

from ingest.database_url import postgres_url, words_of
from ingest.fileset import StageError

VARIABLE = "OMERO_INGEST_LEDGER_URL"
FILE = "ledger.db"  # in the results folder
VERSION_TABLE = "ledger_version"  # the database may hold others' tables and migrations, too
VIEW = "run_events"

_MIGRATING = threading.Lock()  # alembic keeps what it works on in globals
_PATIENCE = 60  # seconds that others' locks are waited for

metadata = MetaData()

results = Table(
    "results",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, unique=True),
)

runs = Table(
    "runs",
    metadata,
    Column("results_id", Integer, primary_key=True, autoincrement=False),
    Column("started", String(40), primary_key=True),
    Column("ended", String(40), nullable=False),  # empty: it was killed, or goes on
    Column("outcome", String(20), nullable=False),  # ok, failed, stopped or empty
    Column("host", Text, nullable=False),
    Column("words", Text, nullable=False),  # the verdict's
)

filesets = Table(
    "filesets",
    metadata,
    Column("results_id", Integer, primary_key=True, autoincrement=False),
    Column("fileset", String(100), primary_key=True),
    Column("row", Integer, nullable=False),
    Column("path", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("status", String(20), nullable=False, index=True),
    Column("stage", String(20), nullable=False),  # that did not succeed
    Column("cause", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("omero_fileset", BigInteger),
    Column("images", Integer, nullable=False),
    Column("files", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("results_id", Integer, primary_key=True, autoincrement=False),
    Column("fileset", String(100), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # in its journal
    Column("time", String(40), nullable=False, index=True),
    Column("stage", String(20), nullable=False),
    Column("event", String(20), nullable=False),  # intent, done or failed
    Column("cause", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("seconds", Float),
)

# How much of each fileset's journal is among the events.
journals = Table(
    "journals",
    metadata,
    Column("results_id", Integer, primary_key=True, autoincrement=False),
    Column("fileset", String(100), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
)


@contextmanager
def ledger(file: Path, anew: bool = False) -> Iterator[Connection]:
    """The ledger in one transaction, its tables up to date; with `anew`, tables of ours that cannot
    be brought up to date are made again, empty.

    Raises StageError for every error of the database; what it says holds no password.
    """
    url = _url(file)
    try:
        engine = create_engine(url, hide_parameters=True, connect_args=_limits(url))
        with engine.begin() as connection:
            _lock(connection)
            _migrate(connection, anew)
            yield connection
        engine.dispose()
    except (SQLAlchemyError, OSError) as error:
        raise StageError(
            f"The ledger cannot be used: {words_of(error, url)}",
            f"See that its file, or the database of {VARIABLE}, is there and can be written to; "
            "remove a damaged file. It is derived: snakemake ledger rebuilds it.",
        ) from None


def _url(file: Path) -> URL:
    url = postgres_url(VARIABLE)
    if url is None:
        file.parent.mkdir(parents=True, exist_ok=True)
        return URL.create("sqlite", database=str(file))
    return url


def _limits(url: URL) -> dict[str, int]:
    """No run waits for a server that is gone: for minutes to be told so, or for good."""
    if url.get_backend_name() == "sqlite":
        return {}
    alive = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
    return {"connect_timeout": 10, "tcp_user_timeout": 30_000, **alive}


def _lock(connection: Connection) -> None:
    """Two that begin at once wait for each other, and not for long for anybody else."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"set local lock_timeout = '{_PATIENCE}s'")
        connection.exec_driver_sql("select pg_advisory_xact_lock(hashtext('omero_ingest_ledger'))")
    else:
        connection.exec_driver_sql(f"pragma busy_timeout = {_PATIENCE * 1000}")
        connection.exec_driver_sql("begin immediate")


def _migrate(connection: Connection, anew: bool) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    head = scripts.get_current_head()
    ours = {"version_table": VERSION_TABLE}
    found = MigrationContext.configure(connection, opts=ours).get_current_revision()
    if anew and (found not in known or (found == head and not _has_all(connection))):
        found = None
        _drop(connection)
    if found is not None and found not in known:
        raise StageError(
            f"The ledger is one of another version of this workflow: its tables are of {found}",
            "Use that version, or have it made anew as this one keeps it: snakemake ledger.",
        )
    if found != head:
        with _MIGRATING:
            command.upgrade(config, "head")


def _has_all(connection: Connection) -> bool:
    there = inspect(connection)
    tables = all(
        there.has_table(table.name)
        and {column.name for column in table.columns}
        <= {column["name"] for column in there.get_columns(table.name)}
        for table in metadata.sorted_tables
    )
    return tables and there.has_table(VIEW)


def _drop(connection: Connection) -> None:
    """Takes out our tables; without the one that tells their version they are not known as ours."""
    if inspect(connection).has_table(VERSION_TABLE):
        connection.exec_driver_sql(f"drop view if exists {VIEW}")
        metadata.drop_all(connection)
        connection.exec_driver_sql(f"drop table {VERSION_TABLE}")
