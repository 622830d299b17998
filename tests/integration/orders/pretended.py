"""What a site has, and what a run of an intake leaves, without OMERO."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from ingest.config import Config, load
from ingest.fileset import Record
from ingest.intakes import Intake
from ingest.plan import compile_plan
from ingest.records import read_filesets, write_records
from ingest.summary import STAGES

LEICA = "cimg/convertleica:v1.2.0"


def config_for(source: Path, intakes: Path) -> Config:
    return load(
        {
            "allowed_roots": [str(source)],
            "convert": {"store": str(source.parent / "store")},
            "converters": {"leica": {"contract": "biomero", "image": f"docker://{LEICA}"}},
            "orders": {"paths": {"/data": str(source)}},
            "watch": {"intakes": str(intakes)},
        }
    )


def rows_of(intake: Intake) -> list[dict[str, str]]:
    with intake.manifest.open(newline="") as lines:
        return list(csv.DictReader(lines))


def pretend_run(intake: Intake, source: Path, cause: str = "") -> None:
    """What a run's plan, records and verdict look like, in which all rows went well or failed."""
    config = config_for(source, intake.folder.parents[1]).model_copy(
        update={"manifest": intake.manifest, "results": intake.results}
    )
    for batch in compile_plan(config).batches:
        for fileset in read_filesets(intake.results / "plan" / f"{batch}.jsonl"):
            for stage in STAGES:
                failed = cause if stage == "import" else ""
                status: Any = "error" if failed else "ok"
                remedy = "Mend it." if failed else ""
                record = Record(fileset.id, stage, status, failed, remedy)
                write_records(intake.results / stage / f"{batch}.jsonl", [record])
    (intake.results / "verdict.txt").write_text("said\n")
    if not cause:
        (intake.results / "complete").touch()
