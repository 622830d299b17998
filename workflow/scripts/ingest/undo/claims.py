"""What a run leaves that says its filesets are in OMERO: it goes before they do."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.atomic import fsync_folder
from ingest.context import Context
from ingest.failures import TARGETS, note_failure
from ingest.undo.imports import record_path

# Of the run as a whole: for people, for the archive, and the mark by which it is complete.
_OF_THE_RUN = (
    "complete", "verdict.txt", "imported.csv", "inventory.txt", "report.html",
    "ro-crate-metadata.json",
)  # fmt: skip
# The later stage first: never are there annotations of what was not imported.
_STAGES = ("annotate", "import")


def withdraw(batches: Sequence[str], context: Context) -> None:
    """Removes the run's mark and tables, and the records of imports of these batches.

    The next run makes them anew: of a fileset that is in OMERO from the journal, else by importing.
    """
    for batch in batches:
        # While the job `targets` is to run, Snakemake makes nothing behind it that is missing; it
        # does what the time of a failure tells to do again.
        note_failure(context.results, "import", batch)
    for name in _OF_THE_RUN:
        (context.results / name).unlink(missing_ok=True)
    for stage in _STAGES:
        for batch in batches:
            record_path(context.results, stage, batch).unlink(missing_ok=True)
        if (context.results / stage).is_dir():
            fsync_folder(context.results / stage)
    fsync_folder(context.results)


def withdraw_targets(context: Context) -> None:
    """Has the next run look for its targets anew: some are not there any more."""
    note_failure(context.results, TARGETS, TARGETS)
