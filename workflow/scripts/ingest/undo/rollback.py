"""rollback: takes what a results folder's runs imported out of OMERO again."""

from __future__ import annotations

from ingest.context import Context


def rollback(context: Context) -> None:
    raise NotImplementedError
