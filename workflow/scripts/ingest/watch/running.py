"""One run of Snakemake over an intake, in a process of its own that can be ended gently."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.intakes import Intake

ROOT = Path(__file__).parents[4]
LOG = "snakemake.log"  # in the intake: what the last run showed

_LOOK = 2.0  # seconds between two looks at a run
_GRACE = 90.0  # seconds that a run has to end when it is asked to


def command(intake: Intake, configuration: Path, arguments: Sequence[str]) -> list[str]:
    """Snakemake's command line for an intake; `arguments` are the user's own."""
    profile = [] if "--profile" in arguments else ["--profile", str(ROOT / "profiles/default")]
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--configfile", str(configuration), *profile, *arguments),
        "--config",
        # Rows whose files have gone since must not keep the others.
        "invalid_rows=skip",
        f"manifest={json.dumps(str(intake.manifest))}",
        f"results={json.dumps(str(intake.results))}",
    ]


class Run:
    """A run in progress. It is a process group of its own, so that a signal to the watch, or to its
    terminal, reaches it only by way of `stop`."""

    def __init__(self, intake: Intake, configuration: Path, arguments: Sequence[str]) -> None:
        with (intake.folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                command(intake, configuration, arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, look: Callable[[], None], stopped: Callable[[], bool]) -> int:
        """The exit status. Calls `look` now and then; ends the run when it is `stopped`."""
        while not stopped():
            try:
                return self._process.wait(_LOOK)
            except subprocess.TimeoutExpired:
                look()
        return self.stop()

    def stop(self) -> int:
        """Ask the run to end, and wait; jobs may be killed at any moment, so nothing is lost."""
        self._signal(signal.SIGINT)
        try:
            return self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            return self._process.wait()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return  # it has just ended
