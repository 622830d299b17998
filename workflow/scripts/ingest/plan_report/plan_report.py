"""`snakemake plan_report`: the dry run for people."""

from __future__ import annotations

from ingest.atomic import write_text
from ingest.config import ConfigError
from ingest.context import Context
from ingest.doctor import storage
from ingest.doctor.findings import examined
from ingest.manifest import read_manifest
from ingest.manifest_problems import ManifestError
from ingest.plan_report import page
from ingest.plan_report.estimate import rates, work
from ingest.plan_report.rows import plan_rows

NAME = "plan_report"


def plan_report(context: Context) -> None:
    """Writes results/plan_report.csv, .html and .txt.

    Raises SystemExit(1) when a row, or the run, would fail as far as can be seen.
    """
    config, results = context.config, context.results
    try:
        manifest = read_manifest(config.model_copy(update={"invalid_rows": "skip"}))
    except (ManifestError, ConfigError) as error:
        for suffix in ("csv", "html"):  # an earlier manifest's say nothing of this one
            (results / f"{NAME}.{suffix}").unlink(missing_ok=True)
        write_text(results / f"{NAME}.txt", f"{error}\n")
        raise SystemExit(1) from None
    plan = plan_rows(manifest, context)
    going_in = [planned.row for planned in plan.rows if planned.goes_in]
    needs = storage.needs(going_in, config, plan.repository)
    report = page.Report(
        manifest=str(config.manifest),
        results=results,
        title=config.report.title,
        rows=plan.rows,
        works=work(plan.rows, rates(results)),
        room=examined("space", lambda: storage.room(needs)),
        problem=plan.problem,
        refuses=config.invalid_rows == "refuse",
    )
    write_text(results / f"{NAME}.csv", page.table(report.rows))
    write_text(results / f"{NAME}.html", page.page(report))
    write_text(results / f"{NAME}.txt", page.summary(report))
    if not report.is_clear:
        raise SystemExit(1)
