"""The end of a run: what is left in results/ for people and for the archive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import imageformats
from ingest.atomic import write_text
from ingest.context import Context
from ingest.failures import note_failure
from ingest.fileset import StageError
from ingest.inventory import inventory
from ingest.ledger.update import note_in_ledger
from ingest.metadata.put_before import is_wanted
from ingest.metadata.report import WORDS as METADATA_WORDS
from ingest.omero.thumbnails import fetch_thumbnails
from ingest.plan import load_index
from ingest.provenance import write_crate
from ingest.report import thumbnail_ids, write_report
from ingest.summary import STAGES, Outcome, collect, write_table
from ingest.verdict import verdict
from ingest.words import printable
from ingest.workflow_run import describe_run


@dataclass(frozen=True)
class _Seen:
    """What only OMERO can tell at the end of a run."""

    inventory: str
    thumbnails: Mapping[int, bytes]
    user: str = ""
    server: str = ""
    version: str = ""


def write_results(context: Context, snakefile: Path) -> None:
    """Write imported.csv, inventory.txt, verdict.txt, report.html and the RO-Crate's metadata.

    An OMERO that cannot be reached does not keep back what failed and why. When nothing else
    failed it raises its StageError: the report would lack what a rerun can have.
    """
    results, config = context.results, context.config
    batches = load_index(results).batches
    _note_removed_records(results, batches)
    outcomes = collect(results, batches)
    try:
        seen = _ask_omero(context, outcomes)
    except StageError as error:
        if all(outcome.ok for outcome in outcomes):
            raise
        context.log.error("no thumbnails and no inventory: %s", error.cause)
        seen = _Seen(f"OMERO was not asked: {error.cause}\n", {})
    run = describe_run(
        config,
        snakefile,
        omero_user=seen.user,
        omero_server=seen.server,
        omero_version=seen.version,
        bioformats_version=imageformats.version(),
    )
    write_table(results / "imported.csv", outcomes)
    write_text(results / "inventory.txt", seen.inventory)
    write_report(results / "report.html", outcomes, run, seen.thumbnails)
    words = verdict(outcomes, f"{results}/report.html") + "\n"
    if is_wanted(config.metadata, results):
        words = (results / METADATA_WORDS).read_text(encoding="utf-8") + words
    write_text(results / "verdict.txt", words)
    write_crate(results, outcomes, run)
    if problem := note_in_ledger(context, outcomes, words):
        write_text(results / "verdict.txt", f"{printable(' '.join(problem.split()))}\n\n{words}")


def _note_removed_records(results: Path, batches: Iterable[str]) -> None:
    """Has the next run make records again that are not there any more: Snakemake by itself makes
    none that lie between others."""
    for batch in batches:
        for stage in STAGES:
            if not (results / stage / f"{batch}.jsonl").exists():
                note_failure(results, stage, batch)


def _ask_omero(context: Context, outcomes: Sequence[Outcome]) -> _Seen:
    shown = thumbnail_ids(outcomes, context.config.report.thumbnails)
    with context.sessions.using() as session:
        return _Seen(
            inventory(session, outcomes),
            fetch_thumbnails(session, shown),
            session.user,
            session.server,
            session.factory.getConfigService().getVersion(),
        )
