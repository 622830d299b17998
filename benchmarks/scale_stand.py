"""What the measurements of scale stand on: many filesets, a bare Snakefile, finished results."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy
import tifffile

from ingest.config import Config
from ingest.digests import digest_file
from ingest.fileset import Fileset, Record, SourceFile
from ingest.records import read_filesets, write_records
from ingest.summary import STAGES, collect, write_table

PER_FOLDER = 1000
COLUMNS = ("fileset", "path", "files", "target", "name", "tags", "kv.organism", "kv.well")

# The workflow's own rules with nothing in them: the same jobs, the same inputs, nothing to do.
_BARE = """
import json
BATCHES = json.load(open("batches.json"))
rule all:
    default_target: True
    input: "results/complete"
localrules: all, targets, summary, verdict
rule convert:
    input: plan="results/plan/{batch}.jsonl"
    output: "results/convert/{batch}.jsonl"
    shell: "touch {output}"
rule checksum:
    input: plan="results/plan/{batch}.jsonl", upstream="results/convert/{batch}.jsonl"
    output: "results/checksum/{batch}.jsonl"
    shell: "touch {output}"
rule targets:
    input: "results/plan/index.json"
    output: "results/targets.json"
    shell: "touch {output}"
rule transfer:
    input:
        plan="results/plan/{batch}.jsonl",
        upstream="results/checksum/{batch}.jsonl",
        targets=ancient("results/targets.json")
    output: "results/transfer/{batch}.jsonl"
    shell: "touch {output}"
rule import_filesets:
    input:
        plan="results/plan/{batch}.jsonl",
        upstream="results/transfer/{batch}.jsonl",
        targets=ancient("results/targets.json")
    output: "results/import/{batch}.jsonl"
    shell: "touch {output}"
rule annotate:
    input:
        plan="results/plan/{batch}.jsonl",
        upstream="results/import/{batch}.jsonl",
        targets=ancient("results/targets.json")
    output: "results/annotate/{batch}.jsonl"
    shell: "touch {output}"
rule summary:
    input: "results/plan/index.json", expand("results/annotate/{batch}.jsonl", batch=BATCHES)
    output: "results/imported.csv"
    shell: "touch {output}"
rule verdict:
    input: "results/imported.csv"
    output: "results/complete"
    shell: "touch {output}"
"""


def write_filesets(folder: Path, rows: int) -> Path:
    """So many rows over as many OME-TIFFs of 16 x 16 pixels, no two alike; the manifest's path."""
    image, offset = _image()
    for start in range(0, rows, PER_FOLDER):
        (folder / f"{start // PER_FOLDER:03d}").mkdir(parents=True)
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(rows):
            group, name = f"{number // PER_FOLDER:03d}", f"im{number:06d}.ome.tif"
            image[offset : offset + 4] = number.to_bytes(4, "little")
            (folder / group / name).write_bytes(image)
            row = (f"im{number:06d}", f"{group}/{name}", name, f"Dataset:name:Scale {group}")
            writer.writerow((*row, "", "scale;tiny", "mouse", f"A{number % 12 + 1}"))
    os.sync()  # what is measured next need not share the disk with it
    return manifest


def _image() -> tuple[bytearray, int]:
    """A small OME-TIFF, and where its pixels begin."""
    whole = io.BytesIO()
    tifffile.imwrite(whole, numpy.zeros((16, 16), numpy.uint8), ome=True, metadata={"axes": "YX"})
    with tifffile.TiffFile(io.BytesIO(whole.getvalue())) as file:
        offset = file.pages.first.dataoffsets[0]
    return bytearray(whole.getvalue()), offset


def write_bare(folder: Path, batches: list[str]) -> None:
    """A workflow of empty rules with one job for each batch and stage, and its plan."""
    (folder / "results" / "plan").mkdir(parents=True)
    (folder / "Snakefile").write_text(_BARE)
    (folder / "batches.json").write_text(json.dumps(batches))
    (folder / "results" / "plan" / "index.json").touch()
    for batch in batches:
        (folder / "results" / "plan" / f"{batch}.jsonl").touch()


def finish_bare(folder: Path, batches: list[str]) -> None:
    """The outputs of all its jobs, in their order."""
    results = folder / "results"
    (results / "targets.json").touch()
    for stage in STAGES:
        (results / stage).mkdir(exist_ok=True)
        for batch in batches:
            (results / stage / f"{batch}.jsonl").touch()
    (results / "imported.csv").touch()
    (results / "complete").touch()


def finish(folder: Path, batches: list[str], config: Config) -> None:
    """Records and tables as a run of all filesets leaves them, written by the library's functions.

    Nothing is in OMERO; only what Snakemake and the plan look at is there.
    """
    results = folder / config.results
    (results / "targets.json").write_text("{}")
    done = {batch: _imported(read_filesets(results / "plan" / f"{batch}.jsonl"), config)
            for batch in batches}  # fmt: skip
    for stage in STAGES:
        for batch, records in done.items():
            as_of_stage = [replace(record, stage=stage) for record in records]
            write_records(results / stage / f"{batch}.jsonl", as_of_stage)
    outcomes = collect(results, batches)
    with redirect_stdout(io.StringIO()):
        write_table(results / "imported.csv", outcomes)
    for name in ("inventory.txt", "verdict.txt", "report.html", "ro-crate-metadata.json"):
        (results / name).touch()
    (results / "complete").touch()


def _imported(filesets: list[Fileset], config: Config) -> list[Record]:
    return [_record(fileset, config) for fileset in filesets]


def _record(fileset: Fileset, config: Config) -> Record:
    algorithm = config.checksum.algorithm
    found = digest_file(fileset.path, [algorithm, "BLAKE3"])
    file = SourceFile(
        fileset.path,
        fileset.path,
        Path(fileset.path).name,
        found.size,
        found.mtime_ns,
        found.inode,
        found.digests,
    )
    facts = {
        "reader": "",
        "format": "",
        "is_plate": False,
        "bytes": found.size,
        "algorithm": algorithm,
        "fileset_id": fileset.row,
        "image_ids": [fileset.row],
        "plate_ids": [],
        "target": {"type": "Dataset", "id": 1, "name": "Scale"},
    }
    now = datetime.now(UTC).isoformat()
    return Record(fileset.id, "", "ok", "", "", now, 0.01, "host", (file,), facts)


def processes_below(process_id: int) -> Iterator[int]:
    """The processes that this one started, and theirs."""
    for task in Path(f"/proc/{process_id}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from processes_below(int(child))


def server_process(store: Path) -> int | None:
    """The process of the embedded server over `store`; None while there is none."""
    try:
        process: int = json.loads((store / "server.json").read_text())["pid"]
    except (FileNotFoundError, ValueError):
        return None
    return process if Path(f"/proc/{process}").exists() and process != os.getpid() else None
