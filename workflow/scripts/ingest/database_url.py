"""Addresses of databases, which hold passwords: from the environment, and never told."""

from __future__ import annotations

import os

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from ingest.fileset import StageError


def postgres_url(variable: str) -> URL | None:
    """The address that an environment variable holds; None without one.

    Raises StageError when it is none of a PostgreSQL database.
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        return None
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):  # whose words hold parts of the address
        raise StageError(f"{variable} is not the address of a database", remedy(variable)) from None
    if backend not in ("postgresql", "postgres"):
        cause = f"{variable} is not the address of a PostgreSQL database, but of {backend}"
        raise StageError(cause, remedy(variable))
    return url.set(drivername="postgresql+psycopg2")


def remedy(variable: str) -> str:
    """How such an address is written."""
    return (
        f"Set {variable}, in the environment, to an address like "
        "postgresql://USER:PASSWORD@HOST:5432/DATABASE, with @ : / and % of a password written as "
        "%40 %3A %2F and %25."
    )


def words_of(error: Exception, url: URL) -> str:
    """What an error says, without the password."""
    words = str(error.orig).strip() if isinstance(error, DBAPIError) else str(error)
    return words.replace(str(url.password), "***") if url.password else words
