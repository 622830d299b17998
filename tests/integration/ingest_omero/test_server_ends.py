"""The server dies and comes back, or ends our session, after each step of an import."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import omero.model
import pytest
from omero.rtypes import rstring

from ingest.fileset import Record
from ingest.omero import retrying
from ingest.stages import importing
from tests.fixtures.world import Source, World
from tests.integration.ingest_omero.rig import Rig, Server, write_image

Fault = Callable[[Any], None]  # given the session that imports


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of this module alone: all that is in it is looked at, and it is killed."""
    server = Server(tmp_path_factory.mktemp("omero"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def without_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr("ingest.omero.session.RETRY_AFTER", 0.1)


class Imports:
    """Imports of one row each, in which a fault happens after a step."""

    def __init__(self, rig: Rig, seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rig = rig
        self.steps: list[str] = []
        self._fault: tuple[str, Fault] | None = None
        rig.options["import"] = {"retry_seconds": seconds}
        self._real_import = importing.import_fileset
        monkeypatch.setattr(importing, "import_fileset", self._import)

    def new_row(self, name: str, transfer: str) -> list[Source]:
        path = write_image(self.rig.folder / name / "0.tif")
        self.rig.filesets = []
        self.rig.add(name, [path], target="Dataset:name:Ends", import_transfer=transfer)
        self.rig.checksum()
        return [Source.remember(path)]

    def run(self, step: str = "", fault: Fault = lambda _session: None) -> Record:
        self.steps = []
        self._fault = (step, fault)
        self.rig.close()
        self.rig.context = self.rig.new_context()
        (record,) = self.rig.run(importing.STAGE, self.rig.folder / "transfer.jsonl").values()
        return record

    def _import(self, session: Any, request: Any, mount: Any, report: Any) -> Any:
        def at(step: str) -> None:
            self.steps.append(step)
            if self._fault and self._fault[0] == step:
                fault, self._fault = self._fault[1], None
                fault(session)

        return self._real_import(session, request, mount, at)


def every_step(imports: Imports, transfer: str) -> list[str]:
    imports.new_row(f"first-{transfer}", transfer)
    imports.rig.targets()
    assert imports.run().status == "ok"
    return imports.steps


def look(rig: Rig, server: Server, sources: list[Source], transfer: str) -> None:
    rig.close()
    rig.context = rig.new_context()
    world = World(rig.omero, server.repository)
    world.check_imported(sources, transfer)
    world.check_nothing_is_left_over()


@pytest.mark.parametrize("transfer", ["ln_s", "upload_rm"])
def test_the_server_restarts_after_each_step(
    rig: Rig, server: Server, transfer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restart(_session: Any) -> None:
        server.kill()
        server.start()

    imports = Imports(rig, 600, monkeypatch)
    for step in every_step(imports, transfer):
        sources = imports.new_row(f"{transfer}-{step.replace(' ', '-')}", transfer)
        record = imports.run(step, restart)
        assert record.status == "ok", f"{step}: {record.cause}"
        look(rig, server, sources, transfer)


def test_the_server_stays_away_until_a_rerun(
    rig: Rig, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    imports = Imports(rig, 1, monkeypatch)
    steps = every_step(imports, "ln_s")
    sources = imports.new_row("away", "ln_s")
    lost = imports.run(steps[-2], lambda _session: server.kill())
    assert lost.status == "error"
    assert "cannot be reached" in lost.cause or "connection to OMERO" in lost.cause
    assert "Run the same command again" in lost.remedy
    server.start()
    assert imports.run().status == "ok"
    look(rig, server, sources, "ln_s")


@pytest.mark.parametrize("transfer", ["ln", "cp_rm"])
def test_the_server_ends_the_session_after_each_step(
    rig: Rig, server: Server, transfer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expire(session: Any) -> None:
        other = Rig(rig.folder / "other", server)
        ended = omero.model.SessionI()
        ended.setUuid(rstring(session.client.getSessionId()))
        service = other.omero.factory.getSessionService()
        while service.closeSession(ended) > 0:
            pass
        other.close()

    imports = Imports(rig, 600, monkeypatch)
    for step in every_step(imports, transfer):
        sources = imports.new_row(f"{transfer}-{step.replace(' ', '-')}", transfer)
        record = imports.run(step, expire)
        assert record.status == "ok", f"{step}: {record.cause}"
        look(rig, server, sources, transfer)


def test_a_server_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    server = Server(tmp_path / "omero")
    server.folder.mkdir()
    (server.folder / "secret").write_text("s")
    (server.folder / "server.json").write_text(
        '{"host": "127.0.0.1", "port": 1, "user": "importer"}'
    )
    rig = Rig(tmp_path, server, {"import": {"retry_seconds": 0}})
    rig.add("row", [write_image(tmp_path / "a.tif")])
    record = rig.run(importing.STAGE, rig.checksum())["row"]
    assert record.status == "error"
    assert "127.0.0.1:1 (embedded, for rehearsal) cannot be reached" in record.cause
