"""How far the filesets of one results folder are, from its plan, records and what jobs note."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.plan import load_index
from ingest.progress import FOLDER as PROGRESS
from ingest.run_history import read_runs
from ingest.run_lock import is_running
from ingest.summary import STAGES, TO_DO

STATES = ("ok", "notneeded", "error", "unfinished", "impossible", TO_DO)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fileset that needs a person, or time: `status` is error, impossible (its row is refused) or
    unfinished (OMERO still works on it)."""

    fileset: str
    stage: str
    status: str
    cause: str
    remedy: str


@dataclass
class Standing:
    """How a results folder stands. `stages` counts filesets by stage and by `STATES`; a fileset
    that an earlier stage failed is `impossible` at the later ones. `at_work` says, for each job
    that runs, how many of its filesets are done."""

    results: str
    filesets: int = 0
    complete: int = 0
    running: bool = False
    run: Mapping[str, Any] | None = None  # the last one
    stages: dict[str, dict[str, int]] = field(default_factory=dict)
    at_work: dict[str, int] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return sum(trouble.status != "unfinished" for trouble in self.troubles)


def standing(results: Path) -> Standing:
    """Reads every record once and holds none of them."""
    found = Standing(str(results), running=is_running(results))
    found.run = next(iter(reversed(read_runs(results))), None)
    found.stages = {stage: dict.fromkeys(STATES, 0) for stage in STAGES}
    for batch in load_index(results).batches:
        _add_batch(found, results, f"{batch}.jsonl")
    if found.running:
        found.at_work = _at_work(results)
    return found


def _add_batch(found: Standing, results: Path, name: str) -> None:
    rows = _lines(results / "plan" / name)
    found.filesets += len(rows)
    refused = {row["id"]: row["problem"] for row in rows if row.get("problem")}
    for fileset, problem in refused.items():
        found.troubles.append(
            Trouble(fileset, "plan", "impossible", problem["cause"], problem["remedy"])
        )
    told = set(refused)
    for stage in STAGES:
        records = {record["fileset"]: record for record in _lines(results / stage / name)}
        for row in rows:
            record = records.get(row["id"], {})
            status = record.get("status", TO_DO)
            found.stages[stage][status] += 1
            if status in ("error", "unfinished") and row["id"] not in told:
                told.add(row["id"])
                words = record.get("cause", ""), record.get("remedy", "")
                found.troubles.append(Trouble(row["id"], stage, status, *words))
            if stage == STAGES[-1] and status in ("ok", "notneeded"):
                found.complete += 1


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open("rb") as lines:
            return [json.loads(line) for line in lines]
    except FileNotFoundError:  # not there yet, or just made anew
        return []


def _at_work(results: Path) -> dict[str, int]:
    jobs = {}
    for path in sorted((results / PROGRESS).glob("[!.]*")):
        try:
            noted = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue  # it is just being replaced, or has ended
        if not noted.get("ended"):
            jobs[path.name] = int(noted["filesets"])
    return jobs
