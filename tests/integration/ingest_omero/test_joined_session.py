"""Jobs that join one session, which stays open when one of them is killed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ingest.stages import importing
from tests.fixtures.waiting import PATIENCE
from tests.fixtures.world import Source, World
from tests.integration.ingest_omero.dying_import import import_and_die
from tests.integration.ingest_omero.rig import Rig, Server, write_image

AT_ONCE = PATIENCE  # the time an import is waited for is hours


@pytest.fixture
def joined(tmp_path: Path, rig: Rig, server: Server, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A rig whose jobs join the session of `rig`."""
    facts = json.loads((server.folder / "server.json").read_text())
    for name, value in {
        "OMERO_HOST": facts["host"],
        "OMERO_PORT": str(facts["port"]),
        "OMERO_SESSION": rig.omero.client.getSessionId(),
    }.items():
        monkeypatch.setenv(name, value)
    options = {"omero": {"embedded": False}, "import": {"retry_seconds": 0}}
    return Rig(tmp_path / "joined", server, options)


def prepare(rig: Rig, path: Path) -> list[Source]:
    rig.add("row", [path], target="Dataset:name:Joined")
    rig.targets()
    rig.close()
    rig.context = rig.new_context()
    rig.plan()
    rig.checksum()
    return [Source.remember(path)]


def test_what_failed_before_the_kill_is_not_waited_for(joined: Rig, rig: Rig) -> None:
    broken = joined.folder / "broken.tif"
    broken.write_bytes(b"II*\0 is all there is of a TIFF")
    sources = prepare(joined, broken)
    assert import_and_die(joined, "command begun")  # the one that removes the failed fileset
    began = time.monotonic()
    record = joined.run(importing.STAGE, joined.folder / "transfer.jsonl")["row"]
    joined.close()
    assert "OMERO could not import" in record.cause
    assert time.monotonic() - began < AT_ONCE
    World(rig.omero, rig.server.repository).check_not_imported(sources)


@pytest.mark.parametrize("step", ["first file placed", "upload verified", "imported"])
def test_what_runs_on_is_taken_over(joined: Rig, rig: Rig, step: str) -> None:
    sources = prepare(joined, write_image(joined.folder / "a.tif"))
    assert import_and_die(joined, step)
    began = time.monotonic()
    record = joined.run(importing.STAGE, joined.folder / "transfer.jsonl")["row"]
    joined.close()
    assert record.status == "ok", record.cause
    assert time.monotonic() - began < AT_ONCE
    World(rig.omero, rig.server.repository).check_imported(sources, "ln_s")
