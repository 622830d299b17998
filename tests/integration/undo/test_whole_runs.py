"""Both tools as people give them: through Snakemake, between runs."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.undo.house import Kept, move
from tests.integration.workflow.images import write_image
from tests.integration.workflow.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.configure(transfer={"store": str(tmp_path / "store")}, batch_size=2)
    return made


def rows(folder: Path) -> list[dict[str, str]]:
    return [
        {"fileset": "linked", "path": str(folder / "linked.ome.tiff"), "target": "Dataset:name:D"},
        {"fileset": "copied", "path": str(folder / "copied.ome.tiff"), "import_transfer": "cp"},
        {"fileset": "stored", "path": str(folder / "stored.ome.tiff"), "transfer": "ln_s"},
    ]


def told(workspace: Workspace, tool: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((workspace.results / f"{tool}.json").read_text())
    return found


def in_ledger(workspace: Workspace) -> set[str]:
    with closing(sqlite3.connect(workspace.results / "ledger.db")) as ledger:
        return {status for (status,) in ledger.execute("select status from filesets")}


def test_run_relink_run_rollback_run(workspace: Workspace) -> None:
    old, new = workspace.folder / "old", workspace.folder / "new"
    for seed, row in enumerate(rows(old)):
        write_image(Path(row["path"]), seed)
    workspace.write_manifest(rows(old))
    first = workspace.run()
    assert first.status == 0, first.terminal
    filesets = workspace.filesets_in_omero()
    move(old, new)
    kept = Kept.of([Path(row["path"]) for row in rows(new)])

    asked = workspace.run("relink", "--config", f"relink={{roots: {{{old}: {new}}}}}")
    assert asked.status == 0 and "apply: 2" in asked.terminal, asked.terminal
    assert told(workspace, "relink")["counts"]["change"] == 2
    done = workspace.run("relink", "--config", f"relink={{roots: {{{old}: {new}}}, apply: 2}}")
    assert done.status == 0 and "Done." in done.terminal, done.terminal

    workspace.write_manifest(rows(new))
    again = workspace.run()
    assert again.status == 0, again.terminal
    assert workspace.filesets_in_omero() == filesets
    assert {row["status"] for row in workspace.table().values()} == {"ok"}

    done = workspace.run("rollback", "--config", "rollback={apply: 3, containers: true}")
    assert done.status == 0 and "Done." in done.terminal, done.terminal
    assert not (workspace.results / "imported.csv").exists()
    assert in_ledger(workspace) == {"to do"}
    done = workspace.run("status")
    assert "0 of 3 filesets" in done.terminal, done.terminal

    fresh = workspace.run()
    assert fresh.status == 0, fresh.terminal
    anew = workspace.filesets_in_omero()
    assert len(anew) == 3 and not set(anew) & set(filesets)
    kept.check()
