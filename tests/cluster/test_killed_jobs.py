"""Jobs that Slurm ends, nodes that go away, and a main process that is killed."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.cluster.conftest import MakeWorkspace
from tests.cluster.rig import IMPATIENT
from tests.fixtures.slurm import Cluster

# More than the 1,500 MB that a small batch's conversion asks for, less than twice that. The first
# of them, {folder}/hungry.begun, waits for its end; the next shows that it is let live.
HUNGRY = """\
import pathlib, shutil, sys, time
folder = pathlib.Path(__file__).parent
is_first = not (folder / "hungry.begun").exists()
(folder / "hungry.begun").touch()
taken = b"x" * 1_900_000_000
time.sleep(120 if is_first else 4)
shutil.copy(sys.argv[1], sys.argv[2])
"""

WAITING = "waiting for the batch's lock"


def test_jobs_over_their_time_or_memory_are_tried_again_with_more(
    plain: Cluster, workspace_on: MakeWorkspace
) -> None:
    work = workspace_on(plain, "limits")
    (work.folder / "hungry.py").write_text(HUNGRY)
    hungry = f"{sys.executable} {work.folder}/hungry.py {{input}} {{output}}/{{stem}}.ome.tif"
    work.configure(
        converters={
            "slow": work.slow_converter(),
            "hungry": {"runtime": "host", "command": hungry},
        },
        transfer={"store": "store"},
    )
    rows = {"late": "slow", "large": "hungry"}
    work.write_rows(rows)
    process = work.start(*IMPATIENT, *(f"results/checksum/{name}.jsonl" for name in rows))
    work.until(process, lambda: work.lines("late.begun"), "the slow conversion")
    job = plain.job_of("convert", "late")
    plain.call("scontrol", "update", f"JobId={job}", "EndTime=now+1")
    work.until(process, lambda: plain.jobs()[job][0] == "TIMEOUT", "the end of the job's time")
    (work.folder / "late.go").touch()

    work.finish(process)

    assert {work.record("checksum", name)["status"] for name in rows} == {"ok"}
    assert [work.lines("late.begun"), work.lines("late.ended")] == [2, 1]
    late = facts_of(plain, "convert", "late")
    assert [state for state, *_ in late] == ["TIMEOUT", "COMPLETED"]
    assert late[1][2:] == ["3000M", "9:00:00"]
    large = facts_of(plain, "convert", "large")
    assert large[0][0] in ("FAILED", "OUT_OF_MEMORY", "CANCELLED")
    assert [(state, memory) for state, _, memory, _ in large[1:]] == [("COMPLETED", "3000M")]
    assert large[0][2] == "1500M"


def test_a_node_that_goes_down_takes_no_fileset_with_it(
    plain: Cluster, workspace_on: MakeWorkspace
) -> None:
    work = workspace_on(plain, "node")
    work.configure(converters={"slow": work.slow_converter()}, transfer={"store": "store"})
    work.write_rows({"node": "slow"})
    process = work.start(*IMPATIENT)
    work.until(process, lambda: work.lines("node.begun"), "the conversion")
    job = plain.job_of("convert", "node")
    node = plain.jobs()[job][1]

    plain.kill_node(node)
    plain.call("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=power")
    work.until(process, lambda: work.lines("node.begun") == 2, "the conversion on another node")
    other = plain.jobs()[plain.job_of("convert", "node")][1]
    (work.folder / "node.go").touch()
    work.finish(process)
    plain.start_node(node)

    assert other != node
    assert work.lines("node.ended") == 1
    assert len(work.filesets_in_omero()) == len(work.imported()) == 1


def test_jobs_of_a_killed_main_process_are_not_done_twice(
    plain: Cluster, workspace_on: MakeWorkspace
) -> None:
    work = workspace_on(plain, "killed")
    work.configure(
        converters={"slow": work.slow_converter()},
        transfer={"store": "store"},
        **{"import": work.transfers()},
    )
    work.write_rows({"killed": "slow"}, import_transfer="waiting:gated")
    process = work.start(*IMPATIENT)
    for rule, said, go in (
        ("convert", "killed.begun", "killed.go"),
        ("import_filesets", "killed.ome.tif.importing", "killed.ome.tif.import"),
    ):
        work.until(process, lambda said=said: work.lines(said), rule)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process = work.start(*IMPATIENT)
        log = work.results / f"logs/{rule.removesuffix('_filesets')}/killed.log"
        work.until(process, lambda log=log: WAITING in words_of(log), "a second job")
        (work.folder / go).touch()
    work.finish(process)

    assert work.lines("killed.begun") == work.lines("killed.ome.tif.importing") == 1
    assert len(work.filesets_in_omero()) == len(work.imported()) == 1


def words_of(log: Path) -> str:
    """A job's log, which Snakemake removes before the next job of its name."""
    return log.read_text() if log.exists() else ""


def facts_of(cluster: Cluster, rule: str, batch: str) -> list[list[str]]:
    """State, node, memory and time limit of all jobs of that rule and batch, the first first."""
    comment = f"rule_{rule}_wildcards_{batch}"
    jobs = sorted(cluster.jobs().items(), key=lambda each: int(each[0]))
    return [facts[:-1] for _, facts in jobs if facts[-1] == comment]
