"""The watch over a drop folder, against the embedded server: stopped, killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from omero.sys import ParametersI

from ingest.intakes import intakes_of
from ingest.watch.history import read_history
from tests.fixtures.ome_tiff import recording, write_ome_tiff, write_time_series
from tests.fixtures.waiting import PATIENCE, wait_until
from tests.integration.workflow.workspace import Workspace

ARGUMENTS = ["--configfile", "config.yaml", "--", "--cores", "2"]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.configure(
        drop={"root": "DropBox", "settle": 1, "target": "Dataset:name:Incoming"},
        watch={"interval": 1, "throttle": 0, "retry_minutes": 0.01},
    )
    (tmp_path / "DropBox" / "ada").mkdir(parents=True)
    return made


class Watches:
    """Processes of the watch over a workspace, one after the other."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        with (self._workspace.folder / "watch.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "ingest.watch", *ARGUMENTS],
                cwd=self._workspace.folder,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdout=log,
                stderr=log,
            )
        self._started.append(process)
        return process

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE)


@pytest.fixture
def watches(workspace: Workspace) -> Iterator[Watches]:
    made = Watches(workspace)
    yield made
    made.end()


def names_by_fileset(workspace: Workspace) -> list[list[str]]:
    """The names of the original files of each fileset in OMERO."""
    with workspace.omero() as client:
        rows = client.sf.getQueryService().projection(
            "select e.fileset.id, e.originalFile.name from FilesetEntry e",
            ParametersI(),
            {"omero.group": "-1"},
        )
    found: dict[int, list[str]] = {}
    for fileset, name in rows:
        found.setdefault(fileset.val, []).append(name.val)
    return sorted(map(sorted, found.values()))


def test_each_settled_fileset_is_imported_once_whatever_ends_the_watch(
    workspace: Workspace, watches: Watches
) -> None:
    box = workspace.folder / "DropBox" / "ada"
    intakes = workspace.folder / "intakes" / "drop"

    def at_work() -> bool:
        return any(intake.results.joinpath("convert").is_dir() for intake in intakes_of(intakes))

    def complete(number: int) -> bool:
        found = intakes_of(intakes)
        return len(found) == number and all(read_history(intake).done for intake in found)

    first = watches.start()
    single = write_ome_tiff(box / "single.ome.tif")
    late = write_time_series(workspace.folder / "set")[1]
    content = late.read_bytes()
    late.unlink()
    (workspace.folder / "set").rename(box / "set")
    (box / "Thumbs.db").write_text("no image")
    wait_until(at_work, "the first run")
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE) == 0

    second = watches.start()
    (box / "set" / late.name).write_bytes(content)
    wait_until(lambda: len(intakes_of(intakes)) == 2, "the second intake")
    second.kill()  # a run that it began goes on
    second.wait()

    third = watches.start()
    wait_until(lambda: complete(2), "both runs")
    single.rename(box / "renamed.ome.tif")
    write_ome_tiff(box / "single.ome.tif", recording("other", z=2))
    wait_until(lambda: complete(3), "the run of what was put in its place")
    third.send_signal(signal.SIGTERM)
    assert third.wait(PATIENCE) == 0

    series = [f"movie_T{t}.ome.tif" for t in range(3)]
    assert names_by_fileset(workspace) == [series, ["single.ome.tif"], ["single.ome.tif"]]
    log = (workspace.folder / "watch.log").read_text()
    assert log.count("Thumbs.db") == 1
    assert "Traceback" not in log
