"""An embedded server in a process of its own, and filesets to import into it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy
import tifffile

from ingest.config import Config, load
from ingest.context import Context
from ingest.digests import digest_file
from ingest.fileset import Fileset, Record, SourceFile
from ingest.journal import Journal
from ingest.omero.session import Session
from ingest.omero.targets import resolve_all
from ingest.records import json_lines, read_records, write_records
from ingest.runner import run_batch
from ingest.stages import Stage, annotate, importing
from tests.fixtures.waiting import PATIENCE, wait_until


class Server:
    """The embedded server over `folder`; it ends when this process does."""

    def __init__(self, folder: Path, users: Path | None = None) -> None:
        self.folder = folder
        self.users = users
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "omero_embedded", "serve", "--store", str(self.folder)]
        command += ["--users", str(self.users)] if self.users else []
        self.process = subprocess.Popen(
            [*command, "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        wait_until(self._answers, "the embedded server's start")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the embedded server ended at its start"
        return self._announced() == self.process.pid

    def _announced(self) -> int:
        """The process that said last that it answers: one that was killed left its words there."""
        try:
            return int(json.loads((self.folder / "server.json").read_text())["pid"])
        except FileNotFoundError:
            return 0

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def repository(self) -> Path:
        return Path(json.loads((self.folder / "server.json").read_text())["managed_repository"])


@dataclass
class Rig:
    """One test's manifest: filesets with their files, and a results folder."""

    folder: Path
    server: Server
    options: dict[str, Any] = field(default_factory=dict)
    filesets: list[Fileset] = field(default_factory=list)
    sources: dict[str, tuple[Path, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context = self.new_context()

    @property
    def config(self) -> Config:
        omero = {"embedded": True, "embedded_folder": str(self.server.folder)}
        return load({"results": str(self.folder / "results"), "omero": omero, **self.options})

    def new_context(self) -> Context:
        results = self.folder / "results"
        results.mkdir(parents=True, exist_ok=True)
        return Context(self.config, results, Journal(results / "journal"), threads=2)

    def close(self) -> None:
        self.context.close()

    def add(self, fileset_id: str, paths: Sequence[Path], **columns: Any) -> Fileset:
        """A row of the manifest over these files, the one to open first."""
        row = len(self.filesets) + 2
        fileset = Fileset(fileset_id, row, str(paths[0]), **columns)
        self.filesets.append(fileset)
        self.sources[fileset_id] = tuple(paths)
        return fileset

    def change(self, fileset_id: str, **columns: Any) -> None:
        self.filesets = [
            replace(fileset, **columns) if fileset.id == fileset_id else fileset
            for fileset in self.filesets
        ]

    def plan(self) -> Path:
        plan = self.folder / "plan.jsonl"
        plan.write_bytes(json_lines(self.filesets))
        return plan

    def checksum(self) -> Path:
        """The records that the stages before would hand to the import."""
        records = []
        for fileset in self.filesets:
            paths = self.sources[fileset.id]
            base = os.path.commonpath([path.parent for path in paths])
            files = tuple(source_file(path, os.path.relpath(path, base)) for path in paths)
            facts = {"reader": "", "format": "", "algorithm": "Murmur3-128"}
            records.append(
                Record(fileset.id, "transfer", "ok", host="node1", files=files, facts=facts)
            )
        path = self.folder / "transfer.jsonl"
        write_records(path, records)
        return path

    def targets(self) -> dict[str, Any]:
        resolve_all([self.plan()], self.context)
        table: dict[str, Any] = json.loads((self.context.results / "targets.json").read_text())
        return table

    def run(self, stage: Stage, upstream: Path) -> dict[str, Record]:
        output = self.folder / f"{stage.name}.jsonl"
        run_batch(stage, self.plan(), upstream, output, self.context, "b1")
        return read_records(output)

    def import_all(self) -> dict[str, Record]:
        self.targets()
        return self.run(importing.STAGE, self.checksum())

    def annotate_all(self) -> dict[str, Record]:
        return self.run(annotate.STAGE, self.folder / "import.jsonl")

    @property
    def omero(self) -> Session:
        return self.context.sessions.get()

    def count(self, hql: str, **values: Any) -> int:
        return len(self.omero.rows(hql, **values))

    def filesets_of(self, source: Path) -> list[int]:
        """The ids of the filesets with an entry of a source's client path."""
        rows = self.omero.rows(
            "select e.fileset.id from FilesetEntry e where e.clientPath = :path order by e.id",
            path=str(source)[1:],
        )
        return [row[0] for row in rows]

    def links_to(self, source: Path) -> list[Path]:
        """The symbolic links to a source in the managed repository."""
        return [
            path
            for path in self.server.repository.rglob("*")
            if path.is_symlink() and path.readlink() == source
        ]

    def copies_of(self, source: Path) -> list[Path]:
        """The files of the managed repository with a source's bytes that are other files."""
        content = source.read_bytes()
        return [
            path
            for path in self.server.repository.rglob("*")
            if path.is_file()
            and not path.is_symlink()
            and path.stat().st_ino != source.stat().st_ino
            and path.read_bytes() == content
        ]


def source_file(path: Path, name: str) -> SourceFile:
    found = digest_file(path, ["Murmur3-128", "BLAKE3"])
    return SourceFile(
        str(path), str(path), name, found.size, found.mtime_ns, found.inode, found.digests
    )


def write_image(path: Path, seed: int = 0) -> Path:
    """A small grey image, of pixels that no other path and seed has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = numpy.random.default_rng([seed, *str(path).encode()]).integers(
        0, 60000, (24, 32), dtype=numpy.uint16
    )
    tifffile.imwrite(path, pixels)
    return path
