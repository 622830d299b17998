"""The tables of orders, and the connection to their database.

Source: biomero-importer 1.4 (utils/ingest_tracker.py), which OMERO.biomero's web page writes orders
with. `imports` is append-only: an order is its row of the stage "Import Pending", and each step of
it is another row with the same uuid. There is no place in it that says who does an order, so that
is in a table of our own, `ingest_claims`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from sqlalchemy import (
    JSON,
    URL,
    Column,
    DateTime,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    func,
    inspect,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ingest.database_url import postgres_url, remedy, words_of
from ingest.fileset import StageError

VARIABLE = "INGEST_TRACKING_DB_URL"  # BIOMERO's name for it

PENDING = "Import Pending"
STARTED = "Import Started"
PREPROCESSING = "Import Preprocessing"
COMPLETED = "Import Completed"
FAILED = "Import Failed"

_biomero = MetaData()

preprocessing = Table(
    "imports_preprocessing",
    _biomero,
    Column("id", Integer, primary_key=True),
    Column("container", String),
    Column("input_file", String),
    Column("output_folder", String),
    Column("alt_output_folder", String),
    Column("extra_params", JSON),
)

imports = Table(
    "imports",
    _biomero,
    Column("id", Integer, primary_key=True),
    Column("group_name", String),
    Column("user_name", String),
    Column("destination_id", String),
    Column("destination_type", String),
    Column("stage", String),
    Column("uuid", String(36)),
    Column("timestamp", DateTime(timezone=True)),
    Column("files", Text),  # a JSON list of paths
    Column("file_names", Text),  # a JSON list
    Column("description", Text),
    Column("preprocessing_id", Integer, ForeignKey("imports_preprocessing.id")),
)

_ours = MetaData()

# One row per order. `import_id` is the pending row it was taken for, `owner` the folder of intakes
# that has it, `state` how far it is (see `claims`).
claims = Table(
    "ingest_claims",
    _ours,
    Column("uuid", String(36), primary_key=True),
    Column("import_id", Integer, nullable=False),
    Column("owner", String(36), nullable=False),
    Column("host", Text, nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("taken", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended", DateTime(timezone=True)),
)


@contextmanager
def database() -> Iterator[Engine]:
    """The database that the environment names, with all tables that are needed.

    Raises StageError when there is none, and for every error of the database within the block;
    what it says holds no password.
    """
    url = _url()
    try:
        yield _engine(url)
    except DBAPIError as error:
        raise StageError(
            f"The database of orders says: {words_of(error, url)}",
            f"See that it runs, and that {VARIABLE} holds its address and password. Orders stay in "
            "it; nothing is lost.",
        ) from None
    except SQLAlchemyError as error:
        raise StageError(
            f"The database of orders cannot be used: {words_of(error, url)}",
            f"See that {VARIABLE} names the database that OMERO.biomero writes to.",
        ) from None


@lru_cache(maxsize=1)
def _engine(url: URL) -> Engine:
    """The engine for an address, whose tables were looked at; there is one per process."""
    engine = create_engine(
        url, hide_parameters=True, pool_pre_ping=True, connect_args={"connect_timeout": 10}
    )
    _check(engine)
    return engine


def _url() -> URL:
    url = postgres_url(VARIABLE)
    if url is None:
        raise StageError(
            f"{VARIABLE} is not set, so there is no database of orders",
            f"{remedy(VARIABLE)} OMERO.biomero uses the same variable.",
        )
    return url


def _check(engine: Engine) -> None:
    known = inspect(engine)
    for table in _biomero.sorted_tables:
        if not known.has_table(table.name):
            raise StageError(
                f"The database of orders has no table {table.name}",
                f"See that {VARIABLE} names the right database. OMERO.biomero makes the tables "
                "when its first order is written.",
            )
        there = {column["name"] for column in known.get_columns(table.name)}
        lacking = [column.name for column in table.columns if column.name not in there]
        if lacking:
            raise StageError(
                f"The table {table.name} of orders has no column {', '.join(lacking)}",
                "It is an older one than biomero-importer 1.0 has: start that program once, which "
                "adds it.",
            )
    if not known.has_table(claims.name):
        _create(engine)


def _create(engine: Engine) -> None:
    with engine.begin() as connection:
        # Two that begin at once would both find it missing.
        connection.exec_driver_sql("select pg_advisory_xact_lock(hashtext('ingest_claims'))")
        _ours.create_all(connection)
