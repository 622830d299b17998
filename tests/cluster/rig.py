"""A workspace whose runs go over a cluster, into an embedded server beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fixtures.slurm import Cluster
from tests.integration.workflow.images import write_image
from tests.integration.workflow.workspace import ROOT, Workspace

# Looks at the jobs more often than the profile does, for tests that do not look at looking.
IMPATIENT = (
    "--slurm-init-seconds-before-status-checks",
    "2",
    "--max-status-checks-per-second",
    "1",
)

# Two import transfers, which say when they begin: one waits for <file>.import, one until two have
# begun, and a while longer, in which no third may.
TRANSFERS = """\
import os, pathlib, time

folder = pathlib.Path(__file__).parent

def note(file, word):
    with open(folder / f"{file.name}.{word}", "a") as lines:
        lines.write(f"{time.time()}\\n")

def gated(source, destination):
    note(source, "importing")
    end = time.time() + 600
    while not (folder / f"{source.name}.import").exists() and time.time() < end:
        time.sleep(0.2)
    os.symlink(source, destination)

def in_pairs(source, destination):
    note(source, "importing")
    end = time.time() + 120
    while len(list(folder.glob("*.importing"))) < 2 and time.time() < end:
        time.sleep(0.2)
    time.sleep(4)
    os.symlink(source, destination)
    note(source, "imported")
"""

# A converter that says when it begins, and waits for a file before it ends.
SLOW = """\
echo x >> "{folder}/$3.begun"
cp "$1" "$2/$3.ome.tif"
n=0
while [ ! -e "{folder}/$3.go" ] && [ $n -lt 3000 ]; do sleep 0.2; n=$((n + 1)); done
echo x >> "{folder}/$3.ended"
"""


@dataclass(frozen=True)
class ClusterWorkspace(Workspace):
    """Runs with the Slurm profile; every fileset is a batch of its own."""

    cluster: Cluster
    login: Mapping[str, str] = field(repr=False)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--configfile", "config.yaml", "--profile", str(ROOT / "profiles/slurm")]
        command += ["--config=batch_size=1"]
        terminal = (self.folder / "terminal").open("a", encoding="utf-8")
        with terminal:
            process = subprocess.Popen(
                [*command, *arguments],
                cwd=self.folder,
                env={**os.environ, **self.cluster.environment, **self.login, **(environment or {})},
                stdout=terminal,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def end(self) -> None:
        """Kills main processes that still run."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def write_rows(self, rows: Mapping[str, str], **cells: str) -> dict[str, Path]:
        """A row, with an image, for each fileset; the mapping's values are `convert` cells."""
        sources = {
            name: write_image(self.folder / f"source/{name}/{name}.ome.tif", seed)
            for seed, name in enumerate(rows)
        }
        self.write_manifest(
            [
                {"fileset": name, "path": str(sources[name]), "convert": convert, **cells}
                for name, convert in rows.items()
            ]
        )
        return sources

    def configure(self, **options: Any) -> None:
        super().configure(**{"omero": {"embedded": False}, **options})

    def finish(self, process: subprocess.Popen[str], seconds: float = 600) -> str:
        """Waits for a run's end, which must be a success; returns what the terminal showed."""
        try:
            status: int | str = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = f"none within {seconds} s"
        terminal = self.terminal()
        assert status == 0, f"exit status: {status}\n{terminal}"
        return terminal

    def until(
        self,
        process: subprocess.Popen[str],
        condition: Callable[[], object],
        what: str,
        seconds: float = 180,
    ) -> None:
        """Waits for something that happens while that run is in progress."""
        deadline = time.monotonic() + seconds
        while not condition():
            ended = process.poll()
            assert ended is None, f"the run ended with {ended} before {what}\n{self.terminal()}"
            assert time.monotonic() < deadline, f"no {what} within {seconds} s\n{self.terminal()}"
            time.sleep(0.1)

    def terminal(self) -> str:
        return (self.folder / "terminal").read_text(encoding="utf-8")

    def imported(self) -> dict[str, int]:
        """The Fileset's id of each row; every row is in OMERO, `ok`."""
        table = self.table()
        assert {row["status"] for row in table.values()} == {"ok"}
        return {name: self.record("import", name)["facts"]["fileset_id"] for name in table}

    def slow_converter(self) -> dict[str, Any]:
        """A converter whose conversions wait for <fileset>.go in the folder."""
        script = self.folder / "slow.sh"
        script.write_text(SLOW.replace("{folder}", str(self.folder)))
        return {"runtime": "host", "command": f"sh {script} {{input}} {{output}} {{stem}}"}

    def transfers(self) -> dict[str, str]:
        """The option `import` for the module `waiting` with TRANSFERS."""
        (self.folder / "waiting.py").write_text(TRANSFERS)
        return {"transfer_folder": str(self.folder)}

    def filesets_in_omero(self) -> list[int]:
        """Ids of the Filesets whose files come from this folder, whoever imported them."""
        import omero.clients
        from omero.rtypes import rstring
        from omero.sys import ParametersI

        client = omero.client(self.login["OMERO_HOST"], int(self.login["OMERO_PORT"]))
        client.createSession(self.login["OMERO_USER"], self.login["OMERO_PASSWORD"])
        try:
            rows = client.sf.getQueryService().projection(
                "select e.fileset.id from FilesetEntry e where e.clientPath like :path",
                ParametersI().add("path", rstring(f"%{str(self.folder).lstrip('/')}/%")),
            )
        finally:
            client.closeSession()
        return sorted(row[0].val for row in rows)

    def lines(self, name: str) -> int:
        path = self.folder / name
        return len(path.read_text().splitlines()) if path.exists() else 0
