"""`snakemake manifest`: one look at the drop folders, and its words on the terminal."""

from __future__ import annotations

import json
from pathlib import Path

from ingest.intakes import intakes_of
from tests.fixtures.ome_tiff import write_time_series
from tests.integration.workflow.workspace import Workspace


def test_one_look_hands_on_what_has_settled_and_tells_of_the_rest(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.configure(drop={"root": "Drop Box", "settle": 0})
    box = tmp_path / "Drop Box" / "ada"
    write_time_series(box)
    (box / "notes.txt").write_text("measured on Monday")

    run = workspace.run("manifest")  # there is no manifest to be planned by

    assert run.status == 0, run.terminal
    (intake,) = intakes_of(tmp_path / "intakes" / "drop")
    assert f"manifest=intakes/drop/{intake.id}/manifest.csv" in run.terminal
    assert "now 1 fileset handed on, 0 waiting, 1 refused" in run.terminal
    told = json.loads((workspace.results / "manifest.json").read_text())
    assert told["waiting"] == {}
    assert list(told["refused"]) == [str(box / "notes.txt")]

    (tmp_path / "Drop Box").rename(tmp_path / "unmounted")
    run = workspace.run("manifest")
    assert run.status != 0
    assert "cannot be read" in run.terminal
