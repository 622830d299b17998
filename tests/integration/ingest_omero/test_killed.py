"""Whatever dies whenever: after a rerun OMERO has each fileset once, and no source has changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingest.stages import importing
from tests.integration.ingest_omero.rig import Rig, Server, write_image

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

STEPS = [
    ("ingest.stages.importing:import_fileset", 1, "ln_s"),
    ("fileset made", 1, "ln_s"),
    ("ingest.omero.transfers:_take_probe", 1, "ln_s"),
    ("ingest.omero.transfers:place", 1, "ln_s"),
    ("places known", 1, "ln_s"),
    ("first file probe written", 1, "ln_s"),
    ("first file placed", 1, "ln_s"),
    ("first file placed", 1, "ln"),
    ("first file placed", 1, "cp"),
    ("ingest.copying:_verify", 1, "cp"),
    ("ingest.omero.transfers:_send", 2, "upload"),
    ("first file saved", 1, "upload"),
    ("files transferred", 1, "ln_s"),
    ("upload verified", 1, "ln_s"),
    ("imported", 1, "ln_s"),
    ("ingest.runner:input_key", 1, "ln"),
]


def add_two_files(rig: Rig, transfer: str) -> list[Path]:
    sources = [write_image(rig.folder / "d" / f"{name}.tif", name) for name in (1, 2)]
    rig.add("killed", sources, target="Dataset:name:Killed", import_transfer=transfer)
    return sources


def check_imported_once(rig: Rig, sources: list[Path], transfer: str) -> None:
    paths = [str(source)[1:] for source in sources]
    filesets = rig.omero.rows(
        "select e.fileset.id, e.clientPath from FilesetEntry e where e.clientPath in (:paths) "
        "order by e.id",
        paths=paths,
    )
    assert [path for _, path in filesets] == paths
    assert len({fileset for fileset, _ in filesets}) == 1
    for source in sources:
        links, copies = len(rig.links_to(source)), len(rig.copies_of(source))
        found = (links, source.stat().st_nlink, copies)
        assert found == {"ln_s": (1, 1, 0), "ln": (0, 2, 0)}.get(transfer, (0, 1, 1))
    assert not list(rig.server.repository.rglob("*.partial"))
    assert rig.count("select d.id from Dataset d where d.name = :name", name="Killed") == 1


@pytest.mark.parametrize(("step", "repeats", "transfer"), STEPS)
def test_killed_client(rig: Rig, step: str, repeats: int, transfer: str) -> None:
    sources = add_two_files(rig, transfer)
    before = [(source.read_bytes(), source.stat().st_mtime_ns) for source in sources]
    rig.targets()
    rig.checksum()
    command = [sys.executable, str(HERE / "dying_import.py"), step, str(repeats)]
    died = subprocess.run(
        [*command, str(rig.folder), str(rig.server.folder)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'workflow' / 'scripts'}"},
        timeout=60,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    record = rig.import_all()["killed"]
    assert record.status == "ok", record.cause
    check_imported_once(rig, sources, transfer)
    assert [(source.read_bytes(), source.stat().st_mtime_ns) for source in sources] == before


@pytest.mark.parametrize("step", ["fileset made", "files transferred", "upload verified"])
def test_killed_server(
    tmp_path: Path, own_server: Server, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path, own_server)
    sources = add_two_files(rig, "ln_s")
    rig.targets()
    real_import = importing.import_fileset

    def killing(session: Any, request: Any, mount: Any, report: Any) -> Any:
        def at(reported: str) -> None:
            if reported == step:
                own_server.kill()

        return real_import(session, request, mount, at)

    monkeypatch.setattr(importing, "import_fileset", killing)
    lost = rig.run(importing.STAGE, rig.checksum())["killed"]
    assert lost.status == "error"
    assert "connection to OMERO" in lost.cause
    assert "Run the same command again" in lost.remedy
    monkeypatch.undo()
    own_server.start()
    record = rig.import_all()["killed"]
    assert record.status == "ok", record.cause
    check_imported_once(rig, sources, "ln_s")
    rig.close()


def test_a_server_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    server = Server(tmp_path / "omero")
    server.folder.mkdir()
    (server.folder / "secret").write_text("s")
    (server.folder / "server.json").write_text(
        '{"host": "127.0.0.1", "port": 1, "user": "importer"}'
    )
    rig = Rig(tmp_path, server)
    rig.add("row", [write_image(tmp_path / "a.tif")])
    record = rig.run(importing.STAGE, rig.checksum())["row"]
    assert record.status == "error"
    assert "127.0.0.1:1 (embedded, for rehearsal) cannot be reached" in record.cause
