"""`snakemake plan_report` as people call it, when some rows are in OMERO."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from tests.integration.ingest_omero.rig import write_image
from tests.integration.workflow.workspace import Workspace


def look(folder: Path) -> set[str]:
    """Everything below a folder that a dry run must leave alone."""
    seen = set()
    for name in ("source", "store", "omero-embedded/ManagedRepository"):
        for above, folders, files in os.walk(folder / name):
            seen |= {str(Path(above, each)) for each in (*folders, *files)}
    return seen


def plans(workspace: Workspace) -> dict[str, str]:
    with (workspace.results / "plan_report.csv").open(newline="") as file:
        return {row["fileset"]: row["plan"] for row in csv.DictReader(file)}


def test_new_rows_after_a_run(workspace: Workspace) -> None:
    workspace.configure(transfer={"store": "store"})
    rows = []
    for name in ("a", "b"):
        write_image(workspace.folder / "source" / f"{name}.tif")
        rows.append(
            {
                "fileset": name,
                "path": f"source/{name}.tif",
                "target": "Dataset:name:D",
                "transfer": "cp",
            }
        )
    workspace.write_manifest(rows[:1])
    assert workspace.run().status == 0
    workspace.write_manifest(rows)
    before = look(workspace.folder)
    run = workspace.run("plan_report")
    assert run.status == 0, run.terminal
    assert plans(workspace) == {"a": "done", "b": "import"}
    words = (workspace.results / "plan_report.txt").read_text()
    assert words in run.terminal
    assert "s per fileset (1 measured)" in words
    page = (workspace.results / "plan_report.html").read_text()
    assert "http://" not in page and "https://" not in page and "No problems found" in page
    assert look(workspace.folder) == before
