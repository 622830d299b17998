"""What became of an order, from the results of its run."""

from __future__ import annotations

from pathlib import Path

from ingest.intakes import Intake
from ingest.orders.intake import verdict_is_new
from ingest.plan import load_index
from ingest.summary import Outcome, collect

TOLD = 5  # failures in an order's message
LONGEST = 4_000  # characters of it


def outcome_of(intake: Intake) -> str | None:
    """Empty when all of the order is in OMERO, else why not; None when that is not known yet:
    no run has come to its end, or OMERO still works on it."""
    if not verdict_is_new(intake):
        return None
    outcomes = collect(intake.results, load_index(intake.results).batches)
    failed = [outcome for outcome in outcomes if outcome.failed]
    if not failed:
        return None if any(not outcome.ok for outcome in outcomes) else ""
    count = f"{len(failed)} of {len(outcomes)} failed. "
    told = "; ".join(map(_told, failed[:TOLD]))
    more = f"; and {len(failed) - TOLD} more" if len(failed) > TOLD else ""
    return f"{count}{told}{more}"[:LONGEST].replace("\0", "")


def _told(outcome: Outcome) -> str:
    return f"{Path(outcome.fileset.path).name}: {outcome.cause}. {outcome.remedy}"
