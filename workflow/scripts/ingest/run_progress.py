"""How far the whole run is, added up from what its jobs note (see `progress`)."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingest.failures import STAGES
from ingest.progress import FOLDER, JobProgress, tool_progress_path
from ingest.words import duration, size

WINDOW = 60.0  # seconds that a rate is taken over
BAR = 24  # characters

Job = tuple[str, str]  # stage and batch


@dataclass(frozen=True, slots=True)
class State:
    """How far a run is. `steps` counts each fileset at each stage; rates are per second."""

    steps: float
    all_steps: int
    filesets: int
    all_filesets: int
    failed: int
    bytes: int
    byte_rate: float
    fileset_rate: float
    seconds_left: float | None


class RunProgress:
    """Follows the jobs of one run; `jobs` says how many filesets each has.

    What a job noted when it ended is read once and removed, so that a look takes as long as there
    are jobs at work, however many the run has.
    """

    def __init__(self, results: Path, jobs: Mapping[Job, int]) -> None:
        self._folder = results / FOLDER
        self._jobs = jobs
        self._ended: dict[Job, JobProgress] = {}
        self._at_work: dict[Job, JobProgress] = {}
        last: dict[str, str] = {}
        for stage, batch in sorted(jobs, key=lambda job: STAGES.index(job[0])):
            last[batch] = stage
        self._last = {(stage, batch) for batch, stage in last.items()}
        self._start = time.monotonic()
        self._seen: deque[tuple[float, int, int]] = deque()
        shutil.rmtree(self._folder, ignore_errors=True)

    def look(self) -> State:
        """Reads what jobs noted since the last look."""
        self._read()
        return self._state(time.monotonic())

    def _read(self) -> None:
        for job, path in self._files():
            found = _noted(path)
            if found is None:
                continue
            if found.ended:
                self._ended[job] = found
                self._at_work.pop(job, None)
                with contextlib.suppress(OSError):
                    path.unlink()
            else:
                self._at_work[job] = found

    def _files(self) -> list[tuple[Job, Path]]:
        try:
            paths = list(self._folder.iterdir())
        except OSError:  # there is none before the first job
            return []
        parts = ((path.name.partition("."), path) for path in paths)
        files = (((stage, batch), path) for (stage, _, batch), path in parts)
        return [(job, path) for job, path in files if job in self._jobs and job not in self._ended]

    def _state(self, now: float) -> State:
        noted = {**self._at_work, **self._ended}
        steps = {job: self._steps(job, found) for job, found in noted.items()}
        filesets = sum(found.filesets for job, found in noted.items() if job in self._last)
        size = sum(found.bytes for found in noted.values())
        self._seen.append((now, filesets, size))
        while now - self._seen[0][0] > WINDOW:
            self._seen.popleft()
        earlier, filesets_then, size_then = self._seen[0]
        seconds = max(now - earlier, 1e-9)
        return State(
            sum(steps.values()),
            sum(self._jobs.values()),
            filesets,
            sum(self._jobs[job] for job in self._last),
            sum(found.failed for found in noted.values()),
            size,
            (size - size_then) / seconds,
            (filesets - filesets_then) / seconds,
            self._seconds_left(steps, noted, now),
        )

    def _steps(self, job: Job, found: JobProgress) -> float:
        """How many of its filesets a job has done; a part of one when it is known."""
        if job[0] == "checksum" and found.size:  # which reads each byte once
            return max(found.filesets, self._jobs[job] * min(found.bytes / found.size, 1.0))
        return found.filesets

    def _seconds_left(
        self, steps: Mapping[Job, float], noted: Mapping[Job, JobProgress], now: float
    ) -> float | None:
        """What is left of each stage takes as long as what is done of it did (a stage that was not
        begun: as long as the others), with as many jobs at once as there were until now."""
        done: dict[str, float] = defaultdict(float)
        worked: dict[str, float] = defaultdict(float)
        planned: dict[str, int] = defaultdict(int)
        for job, filesets in self._jobs.items():
            planned[job[0]] += filesets
        for job, found in noted.items():
            done[job[0]] += steps[job]
            worked[job[0]] += found.seconds
        all_done, all_worked = sum(done.values()), sum(worked.values())
        if not all_done or not all_worked:
            return None
        left = sum(
            (filesets - done[stage])
            * (worked[stage] / done[stage] if done[stage] else all_worked / all_done)
            for stage, filesets in planned.items()
        )
        return left * (now - self._start) / all_worked


def line(state: State) -> str:
    """A run's progress in words, with a bar."""
    words = [
        _bar(state.steps, state.all_steps),
        f"{state.filesets:,} of {state.all_filesets:,} filesets",
        *([f"{state.failed:,} failed"] if state.failed else []),
        *([size(state.bytes)] if state.bytes else []),
        *([f"{size(state.byte_rate)}/s"] if state.byte_rate else []),
        *([f"{60 * state.fileset_rate:.0f} filesets/min"] if state.fileset_rate else []),
        *([f"{duration(state.seconds_left)} left"] if state.seconds_left else []),
    ]
    return "  ".join(words)


def tool_line(results: Path, tool: str) -> str:
    """How far a tool is with what it reads."""
    found = _noted(tool_progress_path(results, tool))
    if found is None:
        return f"{tool}: asks OMERO"
    if not found.size:
        return f"{tool}: {found.filesets:,} looked at"
    rate = found.bytes / found.seconds if found.seconds else 0
    left = max(found.size - found.bytes, 0)
    words = [
        f"{_bar(found.bytes, found.size)}  {size(found.bytes)} of {size(found.size)} read",
        *([f"{size(rate)}/s", f"{duration(left / rate)} left"] if rate else []),
    ]
    return "  ".join(words)


def _bar(done: float, all_of_it: float) -> str:
    part = min(done / all_of_it, 1.0) if all_of_it else 1.0
    full = int(BAR * part)
    return f"[{'#' * full}{'-' * (BAR - full)}] {int(100 * part)} %"


def _noted(path: Path) -> JobProgress | None:
    """What a job noted last; None when it is just being replaced."""
    try:
        return JobProgress(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
