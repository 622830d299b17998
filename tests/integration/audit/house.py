"""A results folder as whole runs leave it, with rows of all kinds, and audits of it."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.audit.audit import audit
from ingest.config import Config, load
from ingest.context import Context
from ingest.fileset import Record
from ingest.journal import JOURNAL, Journal
from ingest.omero.targets import resolve_all
from ingest.plan import compile_plan
from ingest.records import read_records
from ingest.runner import run_batch
from ingest.stages import annotate, checksum, convert, importing, transfer
from tests.integration.ingest_omero.rig import Server

STAGES = (convert.STAGE, checksum.STAGE, transfer.STAGE, importing.STAGE, annotate.STAGE)

Found = set[tuple[str, tuple[str, ...], str]]  # kind, filesets, file


@dataclass
class House:
    """A facility's folder: `options` are those of its configuration, `rows` its manifest."""

    folder: Path
    server: Server
    options: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, str]] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def config(self, audit: Mapping[str, Any] | None = None) -> Config:
        return load(
            {
                "results": str(self.results),
                "manifest": str(self.folder / "manifest.csv"),
                "omero": {"embedded": True, "embedded_folder": str(self.server.folder)},
                "audit": dict(audit or {}),
                **self.options,
            }
        )

    def context(self, audit: Mapping[str, Any] | None = None) -> Context:
        self.results.mkdir(parents=True, exist_ok=True)
        return Context(self.config(audit), self.results, Journal(self.results / JOURNAL), 2)

    def run(self) -> dict[str, Record]:
        """All stages over all rows; the records of the import."""
        columns = list(dict.fromkeys(column for row in self.rows for column in row))
        with (self.folder / "manifest.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)
        context = self.context()
        try:
            batches = compile_plan(context.config).batches
            plans = [self.results / "plan" / f"{batch}.jsonl" for batch in batches]
            resolve_all(plans, context)
            for plan in plans:
                before = None
                for stage in STAGES:
                    output = self.results / stage.name / plan.name
                    run_batch(stage, plan, before, output, context, plan.stem)
                    before = output
                self.records |= read_records(self.results / "import" / plan.name)
        finally:
            context.close()
        failed = {name: r.cause for name, r in self.records.items() if not r.succeeded}
        assert not failed, failed
        return self.records

    def audit(self, **options: Any) -> Found:
        """What an audit finds. Its exit status says whether that is anything."""
        context = self.context(options)
        try:
            audit(context)
            status = 0
        except SystemExit as ending:
            status = int(str(ending.code))
        finally:
            context.close()
        found = {
            (each["kind"], tuple(each["filesets"]), each["file"])
            for each in self.report()["findings"]
        }
        assert status == bool(found)
        return found

    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.results / "audit.json").read_text())
        return report

    def repository_file(self, row: str, number: int = 0) -> Path:
        return Path(list(self.records[row].facts["repository_files"].values())[number])

    def path(self, row: str, number: int = 0) -> Path:
        """A file as the import was given it: the source, or the one in the store."""
        return Path(self.records[row].files[number].path)

    def source(self, row: str, number: int = 0) -> Path:
        return Path(self.records[row].files[number].source)

    def add(self, name: str, path: Path | str, files: Sequence[str] = (), **cells: str) -> None:
        self.rows.append({"fileset": name, "path": str(path), "files": ";".join(files), **cells})
