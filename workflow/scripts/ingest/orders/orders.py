"""`snakemake orders`: takes what is pending, tells what finished, and says how all of it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ingest.context import Context
from ingest.fileset import StageError
from ingest.intakes import Intake
from ingest.orders.claims import Row, others
from ingest.orders.intake import owner_of
from ingest.orders.poll import Poller
from ingest.orders.tables import database
from ingest.orders.way_in import NAME
from ingest.run_lock import is_running
from ingest.tool_words import write_words


@dataclass
class Orders:
    """How orders stand after a look. `failed` and `refused` tell why, by uuid; of those of others,
    `elsewhere` tells since when."""

    taken: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    completed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)


def orders(context: Context) -> None:
    """Writes results/orders.txt and .json. Raises SystemExit(1) when a person has to do something,
    StageError when the database cannot be used."""
    folder = context.config.watch.intakes / NAME
    found = Orders()
    try:
        with database() as engine:
            poller = Poller(engine, context.config, folder, context.log)
            for row in poller.mine():
                _tell(poller, row, found)
            looked = poller.take_open()
            found.taken = [intake.id for intake in looked.taken]
            found.refused = looked.refused
            found.open = [poller.intake(row).id for row in poller.mine()]
            found.elsewhere = {
                row["uuid"]: f"{row['host'] or 'another program'}, since {row['since']:%Y-%m-%d}"
                for row in others(engine, owner_of(folder))
            }
    except OSError as error:
        raise StageError(
            f"The intakes of orders cannot be kept in {folder}: {error}",
            "Set watch.intakes to a folder that may be written to and has room. The orders that "
            "were taken continue with the next look.",
        ) from None
    write_words(context.results, "orders", words(found, folder), vars(found))
    if found.refused or found.failed:
        raise SystemExit(1)


def _tell(poller: Poller, row: Row, found: Orders) -> None:
    if is_running(poller.intake(row).results):  # its verdict may be that of the run before
        return
    problem = poller.tell_end(row)
    if problem:
        found.failed[row["uuid"]] = problem
    elif problem is not None:
        found.completed.append(row["uuid"])


def words(found: Orders, folder: Path) -> str:
    """What the terminal shows."""
    lines = [
        f"{len(found.taken)} orders were taken, {len(found.refused)} refused; "
        f"{len(found.completed)} are in OMERO, {len(found.failed)} failed.",
        *(f"  refused: {order}: {why}" for order, why in found.refused.items()),
        *(f"  failed:  {order}: {why}" for order, why in found.failed.items()),
    ]
    if found.open:
        lines += [
            f"{len(found.open)} are still to be done. `make watch` runs them, or run them one by "
            "one:",
            *(f"  {Intake(folder / order).command}" for order in found.open[:20]),
        ]
    if found.elsewhere:
        lines += [
            f"{len(found.elsewhere)} were begun elsewhere and have not finished there:",
            *(f"  {order}: {where}" for order, where in found.elsewhere.items()),
            "  If nobody is working on one any more, give it again: docs/orders.md.",
        ]
    return "\n".join(lines) + "\n"
