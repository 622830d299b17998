"""A run that is asked to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.fixtures.waiting import PATIENCE, wait_until
from tests.integration.workflow.images import write_image
from tests.integration.workflow.workspace import ROOT, Workspace

# Snakemake, which makes a failed job ready again until it is asked to end.
SLOW = """
import pathlib, sys, time
from snakemake.cli import main
from snakemake.scheduling.job_scheduler import JobScheduler
handle = JobScheduler._handle_error

def slowly(self, *arguments, **options):
    pathlib.Path("failed").touch()
    while not self._user_kill:
        time.sleep(0.02)
    handle(self, *arguments, **options)

JobScheduler._handle_error = slowly
sys.argv[0] = "snakemake"
main(sys.argv[1:])
"""


def test_sigterm_ends_a_run_whose_failed_job_is_made_ready_again(tmp_path: Path) -> None:
    work = Workspace(tmp_path)
    source = write_image(tmp_path / "source/a.ome.tif", 1)
    work.write_manifest([{"fileset": "a", "path": str(source)}])
    # Where nothing listens: the job that logs in fails as a whole.
    login = {"OMERO_HOST": "127.0.0.1", "OMERO_PORT": "9", "OMERO_USER": "u", "OMERO_PASSWORD": "p"}
    work.configure(omero={"embedded": False}, **{"import": {"retry_seconds": 0}})
    command = [sys.executable, "-c", SLOW, "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--configfile", "config.yaml", "--profile", str(ROOT / "profiles/default")]
    with (tmp_path / "terminal").open("w") as terminal:
        process = subprocess.Popen(
            [*command, "results/targets.json"],
            cwd=tmp_path,
            env={**os.environ, **login},
            stdout=terminal,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until((tmp_path / "failed").exists, "the failure of a job")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 1
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert "Will exit after finishing currently running jobs" in (tmp_path / "terminal").read_text()
