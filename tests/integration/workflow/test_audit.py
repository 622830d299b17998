"""The audit as people call it: `snakemake audit`, after a run and beside one."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fixtures.waiting import wait_until

from .images import write_image
from .workspace import Workspace


def test_after_a_run_and_beside_one(workspace: Workspace) -> None:
    gate = workspace.folder / "gate"
    script = workspace.folder / "slow.sh"
    script.write_text(
        f'cp "$1" "$2/cell.ome.tif"; touch {gate}-reached; '
        f"while [ ! -e {gate} ]; do sleep 0.1; done\n"
    )
    slow = {"runtime": "host", "command": f"sh {script} {{input}} {{output}}"}
    workspace.configure(converters={"slow": slow}, transfer={"store": "store"})
    rows = []
    for seed, name in enumerate(("one", "two")):
        write_image(workspace.folder / "source" / name / "a.ome.tif", seed)
        rows.append({"fileset": name, "path": f"source/{name}/a.ome.tif", "transfer": "cp"})
    workspace.write_manifest(rows)
    run = workspace.run()
    assert run.status == 0, run.terminal

    audit = workspace.run("audit")

    assert audit.status == 0, audit.terminal
    assert audit.terminal.rstrip().endswith("No problems were found.")
    assert "2 filesets, 2 files, 2 of them read again" in audit.terminal

    # A run is at work on a third row, and somebody has changed a file of the first.
    write_image(workspace.folder / "source/three/a.ome.tif", 3)
    rows.append({"fileset": "three", "path": "source/three/a.ome.tif", "convert": "slow"})
    workspace.write_manifest(rows)
    process = workspace.start()
    wait_until(lambda: Path(f"{gate}-reached").exists(), "the conversion")
    stored = workspace.folder / "store/one/a.ome.tif"
    content = bytearray(stored.read_bytes())
    content[-1] ^= 1
    stored.chmod(0o644)
    stored.write_bytes(content)
    stored.chmod(0o444)

    beside = workspace.run("audit", "--config", "audit={mode: fast}")

    assert beside.status != 0
    ending = beside.terminal[beside.terminal.rindex("Audit of") :]
    assert "mode fast" in ending and "changed: one\n" in ending and "remedy:" in ending
    assert "two" not in ending and "three" not in ending
    (found,) = json.loads((workspace.results / "audit.json").read_text())["findings"]
    assert found["file"] == str(stored)
    assert str(stored) in (workspace.results / "audit.csv").read_text()
    gate.touch()
    terminal, _ = process.communicate(timeout=600)
    assert process.returncode == 0, terminal
