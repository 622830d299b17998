from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.run_lock import RunInProgress, hold_run_lock


def test_a_second_run_is_refused_and_told_who_is_at_work(tmp_path: Path) -> None:
    with hold_run_lock(tmp_path), pytest.raises(RunInProgress, match=f"process {os.getpid()}"):
        hold_run_lock(tmp_path)
    hold_run_lock(tmp_path).close()


def test_a_killed_run_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from ingest.run_lock import hold_run_lock; "
        "lock = hold_run_lock(pathlib.Path(sys.argv[1])); print('held', flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(RunInProgress):
            hold_run_lock(tmp_path)
        process.send_signal(signal.SIGKILL)
    hold_run_lock(tmp_path).close()
