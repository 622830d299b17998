"""The tool: results/status.txt and status.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ingest.config import Config
from ingest.context import Context
from ingest.intakes import Intake
from ingest.places import all_intakes, results_folders
from ingest.plan import PlanError
from ingest.status.standing import Standing, Trouble, standing
from ingest.summary import TO_DO
from ingest.tool_words import write_words
from ingest.watch.history import read_history
from ingest.words import told

LISTED = 20  # troubles told of each results folder
_HEADINGS = {
    "ok": "done",
    "notneeded": "not needed",
    "error": "failed",
    "unfinished": "unfinished",
    "impossible": "held up",
    TO_DO: "to do",
}


def status(context: Context) -> None:
    """Writes how everything stands; it looks only, and takes no lock."""
    found = [_standing(folder) for folder in results_folders(context.config)]
    waiting, left = _intakes(context.config)
    facts = {
        "results": [asdict(each) for each in found],
        "intakes_waiting": waiting,
        "intakes_left": left,
    }
    write_words(context.results, "status", words(found, waiting, left), facts)


def _standing(folder: Path) -> Standing:
    try:
        return standing(folder)
    except (PlanError, ValueError, KeyError) as error:
        trouble = Trouble("", "plan", "error", f"{folder} is damaged: {error}", "Run it again.")
        return Standing(str(folder), troubles=[trouble])


def _intakes(config: Config) -> tuple[list[str], list[str]]:
    """Intakes that no run has begun yet, and those that the watch has left to a person."""
    waiting: list[str] = []
    left: list[str] = []
    for intake in all_intakes(config):
        if not intake.results.exists():
            waiting.append(str(intake.folder))
        elif _was_left(intake, config):
            left.append(str(intake.folder))
    return waiting, left


def _was_left(intake: Intake, config: Config) -> bool:
    history = read_history(intake)
    return not history.done and history.attempts >= config.watch.attempts


def words(found: Sequence[Standing], waiting: Sequence[str], left: Sequence[str]) -> str:
    """What the terminal shows."""
    if not found and not waiting:
        return "There has been no run yet: no results folder has a plan.\n"
    parts = [_of_results(each) for each in found]
    if waiting:
        parts.append(_list(f"{len(waiting)} intakes are waiting for their first run:", waiting))
    if left:
        head = f"{len(left)} intakes failed too often and are left to you (make watch, --again):"
        parts.append(_list(head, left))
    failed = sum(each.failed for each in found)
    total = sum(each.filesets for each in found)
    complete = sum(each.complete for each in found)
    parts.append(
        f"{complete:,} of {total:,} filesets are in OMERO, verified and annotated. "
        + (
            f"{failed:,} need your attention: see above."
            if failed or left
            else "Nothing needs your attention."
        )
    )
    return "\n\n".join(parts) + "\n"


def _of_results(found: Standing) -> str:
    lines = [
        f"{found.results}: {found.complete:,} of {found.filesets:,} filesets done. {_run(found)}"
    ]
    columns = [
        state for state in _HEADINGS if any(counted[state] for counted in found.stages.values())
    ]
    if found.filesets and (found.complete < found.filesets or found.troubles):
        lines.append("  " + "stage".ljust(10) + "".join(_HEADINGS[c].rjust(12) for c in columns))
        for stage, counted in found.stages.items():
            cells = "".join(f"{counted[state]:,}".rjust(12) for state in columns)
            lines.append(f"  {stage.ljust(10)}{cells}")
    if found.at_work:
        jobs = ", ".join(f"{job} ({done:,} done)" for job, done in list(found.at_work.items())[:10])
        lines.append(f"  at work: {len(found.at_work)} jobs: {jobs}")
    for trouble in found.troubles[:LISTED]:
        what = f"{trouble.fileset} ({trouble.stage}, {_HEADINGS.get(trouble.status, '')})"
        lines.append(told(what, trouble.cause, trouble.remedy))
    if len(found.troubles) > LISTED:
        lines.append(f"  ... and {len(found.troubles) - LISTED:,} more: status.json has them all.")
    return "\n".join(lines)


def _run(found: Standing) -> str:
    run = found.run
    if found.running:
        since = f", since {_time(run['started'])}" if run else ""
        return f"A run is in progress{since}."
    if run is None:
        return ""
    if not run["ended"]:
        return f"The last run, of {_time(run['started'])}, was killed: give the same command again."
    if run["outcome"] == "stopped":
        return f"The last run was stopped, {_time(run['ended'])}: give the same command again."
    how = "succeeded" if run["outcome"] == "ok" else "failed"
    return f"The last run {how}, {_time(run['ended'])}."


def _time(text: str) -> str:
    return f"{text[:16].replace('T', ' ')} UTC"


def _list(head: str, items: Sequence[str]) -> str:
    shown = [f"  {item}" for item in items[:LISTED]]
    more = [f"  ... and {len(items) - LISTED} more"] if len(items) > LISTED else []
    return "\n".join([head, *shown, *more])
