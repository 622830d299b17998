"""`snakemake doctor` as people call it."""

from __future__ import annotations

import json

from tests.integration.ingest_omero.rig import write_image
from tests.integration.workflow.workspace import Workspace


def test_broken_site_and_then_a_sound_one(workspace: Workspace) -> None:
    write_image(workspace.folder / "source" / "a.tif")
    workspace.write_manifest(
        [
            {"fileset": "a", "path": "source/a.tif", "user": "nobody-here"},
            {"fileset": "b", "path": "source/missing.tif", "user": ""},
        ]
    )
    run = workspace.run("doctor")
    assert run.status != 0
    last = run.terminal.rstrip().splitlines()
    assert "must be fixed before a run" in last[-1]
    found = json.loads((workspace.results / "doctor.json").read_text())
    faults = {each["check"]: each for each in found["findings"] if each["status"] == "fix"}
    assert "missing.tif" in faults["manifest"]["finding"]
    assert "nobody-here" in faults["accounts"]["finding"]
    assert "temporary storage" in faults["sources"]["finding"]  # tests run below /tmp
    assert found["fix"] == 3 and all(each["remedy"] for each in faults.values())
    table = (workspace.results / "doctor.txt").read_text()
    assert table in run.terminal
    assert not (workspace.results / "plan").exists()

    workspace.write_manifest([{"fileset": "a", "path": "source/a.tif", "user": ""}])
    run = workspace.run("doctor", "--config", "doctor={temporary: []}")
    assert run.status == 0, run.terminal
    assert "Nothing needs fixing before a run" in run.terminal.rstrip().splitlines()[-1]
    assert not (workspace.results / "plan").exists()
