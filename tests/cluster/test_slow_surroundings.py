"""A controller that is away, a file system that shows files late, and others at the same OMERO."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from tests.cluster.conftest import MakeWorkspace
from tests.cluster.rig import IMPATIENT, ClusterWorkspace
from tests.fixtures.slurm import Cluster

AWAY = 30  # seconds
LATE = 10


def test_a_controller_that_is_away_for_half_a_minute_is_waited_for(
    plain: Cluster, workspace_on: MakeWorkspace
) -> None:
    work = workspace_on(plain, "away")
    work.configure(converters={"slow": work.slow_converter()}, transfer={"store": "store"})
    work.write_rows({"away": "slow"})
    # How often is asked in vain is the profile's.
    process = work.start(*IMPATIENT[:2], "results/checksum/away.jsonl")
    work.until(process, lambda: work.lines("away.begun"), "the conversion")

    plain.freeze_controller()
    (work.folder / "away.go").touch()
    time.sleep(AWAY / 2)
    plain.end_controller()
    time.sleep(AWAY / 2)
    plain.start_controller()

    terminal = work.finish(process)
    assert "Falling back to 'sacct'" not in terminal
    assert work.lines("away.begun") == 1
    assert work.record("checksum", "away")["status"] == "ok"


def test_a_record_that_shows_up_late_is_waited_for(
    plain: Cluster, workspace_on: MakeWorkspace
) -> None:
    work = workspace_on(plain, "tardy")
    work.configure()
    work.write_rows({"tardy": ""})
    process = work.start(*IMPATIENT, "results/checksum/tardy.jsonl")
    work.until(process, lambda: plain.job_of("convert", "tardy"), "a job")

    os.killpg(process.pid, signal.SIGSTOP)  # lest it sees the record before that is late
    work.until(process, lambda: plain.job_of("convert", "tardy", "completed"), "the end of a job")
    record = work.results / "convert/tardy.jsonl"
    record.rename(work.folder / "not-yet")
    os.killpg(process.pid, signal.SIGCONT)
    time.sleep(LATE)
    assert process.poll() is None
    (work.folder / "not-yet").rename(record)

    work.finish(process)
    assert plain.job_of("convert", "tardy", "all")  # one, and no other


def test_two_runs_share_one_omero_and_imports_keep_below_their_limit(
    plain: Cluster, workspace_on: MakeWorkspace
) -> None:
    runs: list[tuple[ClusterWorkspace, subprocess.Popen[str]]] = []
    for name, rows, transfer in (("first", 3, "waiting:in_pairs"), ("second", 1, "ln_s")):
        work = workspace_on(plain, name)
        work.configure(**{"import": work.transfers()}, defaults={"target": "Dataset:name:shared"})
        work.write_rows({f"{name}-{n}": "" for n in range(rows)}, import_transfer=transfer)
        runs.append((work, work.start(*IMPATIENT, "--resources", "omero=2")))

    for work, process in runs:
        work.finish(process)
        assert len(work.filesets_in_omero()) == len(work.imported())
    assert most_at_once(runs[0][0].folder) == 2
    targets = [json.loads((work.results / "targets.json").read_text()) for work, _ in runs]
    assert targets[0]["targets"] == targets[1]["targets"]


def most_at_once(folder: Path) -> int:
    """How many imports were under way at the same time, by what the import transfer noted."""
    began = [(float(path.read_text()), 1) for path in folder.glob("*.importing")]
    ended = [(float(path.read_text()), -1) for path in folder.glob("*.imported")]
    most = now = 0
    for _, change in sorted(began + ended):
        now += change
        most = max(most, now)
    return most
