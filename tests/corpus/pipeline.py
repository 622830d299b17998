"""A manifest's way from the plan to OMERO, stage by stage, in this process."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.config import load
from ingest.context import Context
from ingest.fileset import Record
from ingest.journal import Journal
from ingest.omero.targets import resolve_all
from ingest.plan import compile_plan
from ingest.records import read_records
from ingest.runner import run_batch
from ingest.stages import annotate, checksum, convert, importing, transfer
from tests.integration.ingest_omero.rig import Server

STAGES = {
    "convert": convert.STAGE,
    "checksum": checksum.STAGE,
    "transfer": transfer.STAGE,
    "import": importing.STAGE,
    "annotate": annotate.STAGE,
}
ORDER = tuple(STAGES)


@dataclass
class Pipeline:
    folder: Path
    server: Server
    rows: Sequence[Mapping[str, str]]
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        omero = {"embedded": True, "embedded_folder": str(self.server.folder)}
        self.results = self.folder / "results"
        self.config = load(
            {
                "manifest": str(self.folder / "manifest.csv"),
                "results": str(self.results),
                "batch_size": 1000,
                "omero": omero,
                "transfer": {"store": str(self.folder / "store")},
                **self.options,
            }
        )
        self.context = Context(self.config, self.results, Journal(self.results / "journal"), 2)

    def plan(self) -> None:
        columns = list(dict.fromkeys(column for row in self.rows for column in row))
        with (self.folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)
        (self.batch,) = compile_plan(self.config).batches

    def path(self, stage: str) -> Path:
        return self.results / stage / f"{self.batch}.jsonl"

    def run(self, stage: str) -> dict[str, Record]:
        if stage == "transfer":
            resolve_all([self.path("plan")], self.context)
        before = ORDER[: ORDER.index(stage)]
        upstream = self.path(before[-1]) if before else None
        run_batch(
            STAGES[stage], self.path("plan"), upstream, self.path(stage), self.context, self.batch
        )
        return read_records(self.path(stage))

    def run_all(self, disturb: Mapping[str, Callable[[], None]] | None = None) -> dict[str, Record]:
        """The records of the last stage; `disturb` is called before the stage it is named by."""
        self.plan()
        records: dict[str, Record] = {}
        for stage in ORDER:
            if disturb and stage in disturb:
                disturb[stage]()
            records = self.run(stage)
        return records

    def first_failure(self, fileset: str) -> Record | None:
        """The record of the first stage that the fileset failed at."""
        for stage in ORDER:
            record = read_records(self.path(stage))[fileset]
            if not record.succeeded:
                return record
        return None

    def fact(self, fileset: str, name: str) -> Any:
        facts = read_records(self.path("annotate"))[fileset].facts
        return json.loads(json.dumps(facts[name]))

    def close(self) -> None:
        self.context.close()
