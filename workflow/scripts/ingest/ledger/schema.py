"""The ledger's tables, and the database they are in. migrations/ holds how they came about.

Times are texts: UTC, ISO 8601, with microseconds, so that they sort.
"""

from __future__ import annotations

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
)
from sqlalchemy.exc import SQLAlchemyError

from ingest.database_url import postgres_url, words_of
from ingest.fileset import StageError

VARIABLE = "OMERO_INGEST_LEDGER_URL"
FILE = "ledger.db"  # in the results folder
VERSION_TABLE = "ledger_version"  # the database may hold others' tables and migrations, too

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
    Column("outcome", String(20), nullable=False),  # ok, failed or empty
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
def ledger(file: Path) -> Iterator[Connection]:
    """The ledger in one transaction, its tables up to date.

    Raises StageError for every error of the database; what it says holds no password.
    """
    url = _url(file)
    try:
        engine = create_engine(url, hide_parameters=True)
        with engine.begin() as connection:
            _migrate(connection)
            yield connection
        engine.dispose()
    except (SQLAlchemyError, OSError) as error:
        raise StageError(
            f"The ledger cannot be used: {words_of(error, url)}",
            f"See that its file, or the database of {VARIABLE}, can be written to. It is derived: "
            "remove it, and snakemake ledger makes it anew.",
        ) from None


def _url(file: Path) -> URL:
    url = postgres_url(VARIABLE)
    if url is None:
        file.parent.mkdir(parents=True, exist_ok=True)
        return URL.create("sqlite", database=str(file))
    return url


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    if connection.dialect.name == "postgresql":  # two that begin at once
        connection.exec_driver_sql("select pg_advisory_xact_lock(hashtext('omero_ingest_ledger'))")
    else:
        connection.exec_driver_sql("pragma busy_timeout = 60000")
        connection.exec_driver_sql("begin immediate")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    ours = {"version_table": VERSION_TABLE}
    head = ScriptDirectory.from_config(config).get_current_head()
    if MigrationContext.configure(connection, opts=ours).get_current_revision() != head:
        command.upgrade(config, "head")
