"""results/report.html: one page that holds all it shows and asks no server for anything."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ingest.atomic import write_text
from ingest.stage_times import plot, span, stage_times
from ingest.summary import STAGES, Outcome
from ingest.verdict import summed_up
from ingest.words import alike, counted, duration, size
from ingest.workflow_run import WorkflowRun, sha256

TEMPLATES = Path(__file__).parents[2] / "report"
FAILURES_TOLD = 50  # causes, with their remedies, above the table
ROWS = 2000  # more make a page slow to open, sort and filter
FILES_LISTED = 20  # per fileset


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over a run; images, plates, files and bytes are of what is in OMERO."""

    filesets: int
    ok: int
    failed: int
    there: int
    unfinished: int
    images: int
    plates: int
    files: int
    bytes: int


def thumbnail_ids(outcomes: Iterable[Outcome], at_most: int) -> list[int]:
    """The images whose thumbnails the report can show: the first of each fileset in its table."""
    rows = _rows(list(outcomes))
    return list(islice((row.image_ids[0] for row in rows if row.image_ids), at_most))


def write_report(
    path: Path, outcomes: Iterable[Outcome], run: WorkflowRun, thumbnails: Mapping[int, bytes]
) -> None:
    """Write the report on `outcomes` to `path`, in the folder that holds imported.csv.

    `thumbnails` maps an image id to a JPEG file's bytes.
    """
    write_text(path, render(list(outcomes), run, thumbnails))


def filled(template: str, **values: object) -> str:
    """A page from a template of workflow/report, which escapes whatever comes from a manifest or a
    file's name."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": duration,
        "size": size,
        "count": "{:,}".format,
        "counted": counted,
        "id_ranges": id_ranges,
        "code": _code,
    }
    return environment.get_template(template).render(**values)


def render(outcomes: Sequence[Outcome], run: WorkflowRun, thumbnails: Mapping[int, bytes]) -> str:
    """The page."""
    failed = [outcome for outcome in outcomes if outcome.failed]
    failed_at = Counter(outcome.stage for outcome in failed)
    times = stage_times(outcomes)
    return filled(
        "report.html.j2",
        run=run,
        totals=_totals(outcomes),
        summed_up=summed_up(Counter(outcome.status for outcome in outcomes)),
        span=span(outcomes),
        failures=alike(failed)[:FAILURES_TOLD],
        failed_at={stage: failed_at[stage] for stage in ("plan", *STAGES) if stage in failed_at},
        rows=_rows(outcomes),
        files_listed=FILES_LISTED,
        thumbnails={number: _data_uri(jpeg) for number, jpeg in thumbnails.items()},
        times=times,
        plot=Markup(plot(times)) if times else "",
        digests={
            "Manifest": sha256(run.manifest.read_bytes()),
            "Configuration": sha256(run.configuration.encode()),
        },
        hosts=sorted({of.host for outcome in outcomes for of in outcome.stage_runs if of.host}),
    )


def id_ranges(ids: Sequence[int]) -> str:
    """`ids` for people: `[4, 5, 6, 9]` is `4–6, 9`."""
    ranges: list[list[int]] = []
    for number in sorted(ids):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(f"{low}" if low == high else f"{low}–{high}" for low, high in ranges)


def _rows(outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """The filesets in the table: all of them, or failures and then the first ones up to `ROWS`."""
    if len(outcomes) <= ROWS:
        return outcomes
    return sorted(outcomes, key=lambda outcome: outcome.ok)[:ROWS]


def _totals(outcomes: Sequence[Outcome]) -> Totals:
    imported = [outcome for outcome in outcomes if outcome.fileset_id]
    return Totals(
        filesets=len(outcomes),
        ok=sum(outcome.status == "ok" for outcome in outcomes),
        failed=sum(outcome.failed for outcome in outcomes),
        there=sum(outcome.status == "notneeded" for outcome in outcomes),
        unfinished=sum(outcome.status == "unfinished" for outcome in outcomes),
        images=sum(len(outcome.image_ids) for outcome in imported),
        plates=sum(len(outcome.plate_ids) for outcome in imported),
        files=sum(len(outcome.files) for outcome in imported),
        bytes=sum(outcome.bytes for outcome in imported),
    )


def _code(text: str) -> Markup:
    """`text`, escaped, with what stands between backticks as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _data_uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
