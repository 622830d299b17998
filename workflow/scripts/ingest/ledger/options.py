"""The options of the ledger."""

from __future__ import annotations

from pydantic import Field

from ingest.config_types import FilePath, Section


class LedgerOptions(Section):
    """A database of all runs, derived from the results (docs/state.md)."""

    enabled: bool = Field(default=True, description="Update the ledger at the end of a run.")
    file: FilePath | None = Field(
        default=None,
        description="SQLite file; several results folders may share one. null: ledger.db in the "
        "results folder. To use a PostgreSQL database instead, set OMERO_INGEST_LEDGER_URL in the "
        "environment.",
    )
