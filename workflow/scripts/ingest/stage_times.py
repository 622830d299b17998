"""How long the stages took, in figures and as a plot."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from ingest.summary import STAGES, Outcome
from ingest.words import duration


@dataclass(frozen=True, slots=True)
class StageTimes:
    """The time one stage took, in seconds, over the `filesets` it worked on."""

    stage: str
    filesets: int
    total: float
    median: float
    longest: float
    longest_fileset: str


def stage_times(outcomes: Iterable[Outcome]) -> list[StageTimes]:
    """One entry per stage that worked on any fileset, in the order of the stages."""
    # Importing pandas takes half a second that only the report should pay for.
    import pandas as pd

    runs = pd.DataFrame(
        [
            (run.stage, run.seconds, outcome.fileset.id)
            for outcome in outcomes
            for run in outcome.stage_runs
        ],
        columns=["stage", "seconds", "fileset"],
    )
    figures = runs.groupby("stage")["seconds"].agg(["size", "sum", "median", "max", "idxmax"])
    return [
        StageTimes(
            stage,
            int(figures["size"][stage]),
            float(figures["sum"][stage]),
            float(figures["median"][stage]),
            float(figures["max"][stage]),
            str(runs["fileset"][figures["idxmax"][stage]]),
        )
        for stage in STAGES
        if stage in figures.index
    ]


@dataclass(frozen=True, slots=True)
class Span:
    """From the first stage's start to the last one's end, and how much of that was worked.

    `worked` (seconds) counts the time in which at least one stage was at work, so that the days
    between a failure and the run after its repair do not.
    """

    start: datetime
    end: datetime
    worked: float


def span(outcomes: Iterable[Outcome]) -> Span | None:
    """None when no stage did anything."""
    intervals = sorted(
        (start, start + run.seconds)
        for outcome in outcomes
        for run in outcome.stage_runs
        for start in [datetime.fromisoformat(run.started).timestamp()]
    )
    if not intervals:
        return None
    worked, reached = 0.0, intervals[0][0]
    for start, end in intervals:
        worked += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return Span(
        datetime.fromtimestamp(intervals[0][0], UTC), datetime.fromtimestamp(reached, UTC), worked
    )


# Colours that stand for the page's own, so that the plot follows its light or dark scheme.
_INK, _BAR = "#010203", "#010204"
_PAGE_COLOURS = {_INK: "currentColor", _BAR: "var(--accent)"}


def plot(times: Sequence[StageTimes]) -> str:
    """The total of each stage as bars: an `<svg>` element to stand in a page.

    Its text is text, its colours are the page's (`currentColor` and `--accent`), its background
    is transparent.
    """
    # Importing matplotlib takes a second that only the report should pay for.
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": "stage times",  # the same figures make the same bytes
        "font.family": "sans-serif",
        "font.size": 11,
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "ytick.color": _INK,
    }
    with rc_context(style):
        figure = Figure(figsize=(6.4, 0.5 + 0.42 * len(times)))
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.15, 0.02, 0.66, 0.96))
        stages = [of.stage for of in reversed(times)]
        bars = axes.barh(stages, [of.total for of in reversed(times)], height=0.62, color=_BAR)
        axes.bar_label(bars, [duration(of.total) for of in reversed(times)], padding=6)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.xaxis.set_visible(False)
        text = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    totals = "; ".join(f"{of.stage} {duration(of.total)}" for of in times)
    return _inline(text.getvalue(), f"Time per stage: {totals}")


def _inline(svg: str, title: str) -> str:
    """matplotlib's SVG file as an element of a page, with its title for screen readers."""
    svg = svg[svg.index("<svg") :].strip()
    for stand_in, colour in _PAGE_COLOURS.items():
        svg = svg.replace(stand_in, colour)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)
