"""The end of a run: what is left in results/ for people and for the archive."""

from __future__ import annotations

from pathlib import Path

import imageformats
from ingest.atomic import write_text
from ingest.context import Context
from ingest.inventory import inventory
from ingest.omero.thumbnails import fetch_thumbnails
from ingest.plan import load_index
from ingest.provenance import write_crate
from ingest.report import thumbnail_ids, write_report
from ingest.summary import collect, write_table
from ingest.verdict import verdict
from ingest.workflow_run import describe_run


def write_results(context: Context, snakefile: Path) -> None:
    """Write imported.csv, inventory.txt, verdict.txt, report.html and the RO-Crate's metadata."""
    results, config = context.results, context.config
    outcomes = collect(results, load_index(results).batches)
    write_table(results / "imported.csv", outcomes)
    session = context.sessions.get()
    run = describe_run(
        config,
        snakefile,
        omero_user=session.user,
        omero_server=session.server,
        omero_version=session.factory.getConfigService().getVersion(),
        bioformats_version=imageformats.version(),
    )
    thumbnails = fetch_thumbnails(session, thumbnail_ids(outcomes, config.report.thumbnails))
    write_text(results / "inventory.txt", inventory(session, outcomes))
    write_report(results / "report.html", outcomes, run, thumbnails)
    write_text(results / "verdict.txt", verdict(outcomes, f"{results}/report.html") + "\n")
    write_crate(results, outcomes, run)
