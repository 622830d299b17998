from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.integration.orders.biomero import Biomero
from tests.integration.orders.postgres import postgres

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a PostgreSQL server, with {} for the database."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path must be short
    try:
        with postgres(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def address(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a new database, which is in the environment too."""
    name = f"biomero{next(_numbers)}"
    admin = create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create database {name}"))
    admin.dispose()
    url = server.format(name)
    monkeypatch.setenv("INGEST_TRACKING_DB_URL", url)
    return url


@pytest.fixture
def biomero(address: str) -> Iterator[Biomero]:
    """What OMERO.biomero's web page does to that database, done by BIOMERO's own code."""
    found = Biomero(address)
    try:
        yield found
    finally:
        found.tracker.dispose()
