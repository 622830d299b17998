"""`snakemake ledger`: rebuilds the ledger from the results, those of all intakes included."""

from __future__ import annotations

from pathlib import Path

from ingest.context import Context
from ingest.fileset import StageError
from ingest.journal import JOURNAL, Journal
from ingest.ledger.schema import ledger
from ingest.ledger.update import forget, ledger_file, update
from ingest.places import results_folders
from ingest.plan import PlanError, load_index
from ingest.summary import Outcome, collect
from ingest.tool_words import write_words
from ingest.words import counted


def rebuild(context: Context) -> None:
    """Writes results/ledger.txt and .json. Raises StageError when the database cannot be used,
    SystemExit(1) when results are damaged: of those it keeps what it knew."""
    config = context.config
    found: dict[str, int] = {}
    damaged: dict[str, str] = {}
    with ledger(ledger_file(config), anew=True) as connection:
        for folder in results_folders(config):
            try:
                outcomes = _outcomes(folder)
            except (PlanError, StageError, OSError) as error:
                damaged[str(folder)] = str(error)
                continue
            forget(connection, folder)
            update(connection, folder, Journal(folder / JOURNAL), outcomes)
            found[str(folder)] = len(outcomes)
    words = [
        f"The ledger has {counted(sum(found.values()), 'fileset')} of "
        f"{counted(len(found), 'results folder')}."
    ]
    words += [f"  {number:>9,}  {folder}" for folder, number in found.items()]
    words += [f"{folder} is damaged. Run it again. {why}" for folder, why in damaged.items()]
    write_words(
        context.results, "ledger", "\n".join(words), {"filesets": found, "damaged": damaged}
    )
    if damaged:
        raise SystemExit(1)


def _outcomes(folder: Path) -> list[Outcome]:
    return collect(folder, load_index(folder).batches)
