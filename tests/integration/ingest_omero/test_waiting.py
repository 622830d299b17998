"""An import that nobody waits for goes on, and the next run takes it over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.fileset import Record
from ingest.omero.session import Session
from ingest.stages import importing
from tests.fixtures.waiting import wait_until
from tests.integration.ingest_omero.rig import Rig, Server, write_image
from tests.integration.workflow.workspace import Workspace

# Bio-Formats takes ten seconds to read its pixels, and computes nothing meanwhile.
SLOW = "slow&sizeX=32&sizeY=32&sizeZ=100&sleepOpenBytes=100.fake"


def run(rig: Rig, wait: str | int) -> Record:
    rig.close()
    rig.options["import"] = {"wait": wait}
    rig.context = rig.new_context()
    record = rig.import_all()["slow"]
    rig.close()
    return record


def add_slow(rig: Rig) -> Path:
    source = rig.folder / SLOW
    source.touch()
    rig.add("slow", [source], target="Dataset:name:Slow")
    return source


def test_nobody_waits_and_the_next_run_does(rig: Rig) -> None:
    source = add_slow(rig)
    record = run(rig, "no")
    assert record.status == "unfinished", record.cause
    assert record.cause.endswith("is still being imported by OMERO")
    assert "Run the same command again" in record.remedy
    assert rig.annotate_all()["slow"].status == "impossible"
    (begun,) = rig.filesets_of(source)

    done = run(rig, "forever")
    assert done.status == "ok", done.cause
    assert done.facts["fileset_id"] == begun
    assert rig.filesets_of(source) == [begun]
    assert len(done.facts["image_ids"]) == 1


def test_a_short_wait_ends_with_the_import_still_going_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = add_slow(rig)
    monkeypatch.setattr(importing, "seconds_of", lambda _wait: 0.5)
    assert run(rig, 1).status == "unfinished"
    monkeypatch.undo()
    query = "select i.id from Image i join i.fileset f where f.id = :id"
    (begun,) = rig.filesets_of(source)
    wait_until(lambda: rig.count(query, id=begun), "the image of the import that goes on")
    assert run(rig, "forever").facts["fileset_id"] == begun


@pytest.mark.parametrize(("wait", "seconds"), [("forever", None), ("no", 0.0), (5, 300.0)])
def test_what_is_waited(wait: Any, seconds: float | None) -> None:
    assert importing.seconds_of(wait) == seconds


def test_a_run_says_what_is_unfinished_and_the_next_one_finishes_it(
    tmp_path: Path, server: Server
) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / SLOW).write_text("Its name is all that is read of it.")
    rows = [{"fileset": "slow", "path": SLOW, "files": SLOW}]
    workspace.write_manifest(rows)
    address = json.loads((server.folder / "server.json").read_text())
    login = {
        "OMERO_HOST": address["host"],
        "OMERO_PORT": str(address["port"]),
        "OMERO_USER": address["user"],
        "OMERO_PASSWORD": (server.folder / "secret").read_text().strip(),
    }
    omero = {"embedded": False}
    workspace.configure(omero=omero, **{"import": {"wait": "no"}})
    first = workspace.run(environment=login)
    assert first.status != 0
    ending = first.terminal[first.terminal.rindex("0 of 1") :]
    assert "1 fileset is still being imported by OMERO: run the same command again." in ending
    assert "failed" not in ending
    assert workspace.table()["slow"]["status"] == "unfinished"
    assert "being imported" in (workspace.results / "report.html").read_text()

    workspace.configure(omero=omero, **{"import": {"wait": "forever"}})
    second = workspace.run(environment=login)
    assert second.status == 0, second.terminal
    assert workspace.table()["slow"]["status"] == "ok"


def test_the_session_is_left_open_only_for_what_still_runs(rig: Rig) -> None:
    rig.add("fast", [write_image(rig.folder / "a.tif")])
    rig.import_all()
    number = rig.omero.id
    rig.close()
    with rig.context.sessions.using() as session:
        assert is_closed(session, number)


def is_closed(session: Session, number: int) -> bool:
    ((_, closed),) = session.rows(
        "select s.id, s.closed from Session s where s.id = :id", id=number
    )
    return closed is not None
