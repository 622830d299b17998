"""A folder with images, a manifest and a configuration, and what a person does there."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Run:
    """A finished run: its exit status and what the terminal showed."""

    status: int
    terminal: str


@dataclass(frozen=True)
class Workspace:
    folder: Path

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def write_manifest(self, rows: Sequence[Mapping[str, str]]) -> None:
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with (self.folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)

    def configure(self, **options: Any) -> None:
        config = {"manifest": "manifest.csv", **options}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config))

    def start(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        output: int = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--configfile", "config.yaml", "--profile", str(ROOT / "profiles/default")]
        return subprocess.Popen(
            [*command, "--cores", "2", *arguments],
            cwd=self.folder,
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        timeout: float = 600,
    ) -> Run:
        process = self.start(*arguments, environment=environment)
        try:
            terminal, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return Run(process.returncode, terminal)

    def table(self) -> dict[str, dict[str, str]]:
        """results/imported.csv by fileset."""
        with (self.results / "imported.csv").open(newline="", encoding="utf-8") as file:
            return {row["fileset"]: row for row in csv.DictReader(file)}

    def record(self, stage: str, fileset: str) -> dict[str, Any]:
        batches = (path.read_text() for path in (self.results / stage).glob("*.jsonl"))
        records = (json.loads(line) for batch in batches for line in batch.splitlines())
        return next(record for record in records if record["fileset"] == fileset)

    @contextmanager
    def omero(self) -> Iterator[Any]:
        """A session of who imports, as any third-party client has it."""
        import omero.clients

        from omero_embedded.companion import server_for

        store = self.folder / "omero-embedded"
        with server_for(store, None) as address:
            client = omero.client(address["host"], address["port"])
            client.createSession(address["user"], (store / "secret").read_text().strip())
            try:
                yield client
            finally:
                client.closeSession()

    def filesets_in_omero(self) -> list[int]:
        from omero.sys import ParametersI

        with self.omero() as client:
            query = client.sf.getQueryService()
            rows = query.projection("select f.id from Fileset f", ParametersI())
            return sorted(row[0].val for row in rows)


def kill_everything(process: subprocess.Popen[str]) -> None:
    """What a power cut does to a run: every process of it ends at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
