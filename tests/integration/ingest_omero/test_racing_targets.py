"""Runs that find the same target missing at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import omero.cmd
import omero.model
from omero.rtypes import rstring

from ingest.omero import made_once, queries
from ingest.omero.containers import resolve
from ingest.omero.target_grammar import parse_target
from tests.fixtures.waiting import PATIENCE
from tests.integration.ingest_omero import racing_targets
from tests.integration.ingest_omero.rig import Rig, write_image

RUNS, NAMES = 3, 6


def test_runs_that_begin_at_once_make_a_target_and_a_tag_once(rig: Rig) -> None:
    source = write_image(rig.folder / "a.tif")
    for number in range(NAMES):
        target = f"Project:name:race/Dataset:name:race {number}"
        rig.add(f"row-{number}", [source], target=target, tags=(f"tag of race {number}",))
    tables = race(rig)

    for kind, wanted in (("Project", 1), ("Dataset", NAMES)):
        made = rig.omero.rows(f"select c.id from {kind} c where c.name like 'race%'")
        assert len(made) == wanted
    assert rig.count("select a.id from TagAnnotation a where a.textValue like 'tag of race%'") == 6
    assert rig.count("select l.id from ProjectDatasetLink l where l.parent.name = 'race'") == NAMES
    assert all(table == tables[0] for table in tables)
    assert not any("error" in entry for entries in tables[0].values() for entry in entries)
    assert claims(rig) == 0


def test_a_claim_is_waited_for_and_one_of_a_killed_run_is_removed(
    rig: Rig, monkeypatch: Any
) -> None:
    claim = omero.model.CommentAnnotationI()
    claim.setNs(rstring(queries.CLAIM_NAMESPACE))
    claim.setTextValue(rstring("Dataset:left behind"))
    monkeypatch.setattr(made_once, "STALE", 1.5)
    began = time.monotonic()
    rig.omero.save([claim])

    made = resolve(rig.omero, parse_target("Dataset:name:left behind"))

    assert time.monotonic() - began > 1
    assert rig.omero.rows("select d.id from Dataset d where d.name = 'left behind'") == [[made.id]]
    assert claims(rig) == 0


def race(rig: Rig) -> list[dict[str, Any]]:
    """What targets.json says in each of several results folders after runs that began at once."""
    command = [sys.executable, racing_targets.__file__, str(rig.server.folder)]
    results = [rig.folder / f"run-{number}" for number in range(RUNS)]
    plan = str(rig.plan())
    runs = [
        subprocess.Popen(
            [*command, str(folder), plan], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for folder in results
    ]
    for run in runs:
        assert run.stdout is not None and run.stdout.readline() == "ready\n"
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    for run in runs:
        run.communicate(timeout=PATIENCE)
        assert run.returncode == 0
    return [json.loads(Path(folder, "targets.json").read_text()) for folder in results]


def claims(rig: Rig) -> int:
    return rig.count(
        "select a.id from CommentAnnotation a where a.ns = :ns", ns=queries.CLAIM_NAMESPACE
    )
