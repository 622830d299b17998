"""The options of the ledger."""

from __future__ import annotations

from pydantic import Field

from ingest.config_types import FilePath, Section


class LedgerOptions(Section):
    """A database of all runs, which is derived from the results (docs/state.md)."""

    enabled: bool = Field(default=True, description="Bring it up to date at the end of a run.")
    file: FilePath | None = Field(
        default=None,
        description="SQLite file; several results folders may share one. null: ledger.db in the "
        "results folder. A PostgreSQL database is named by OMERO_INGEST_LEDGER_URL, in the "
        "environment, instead.",
    )
