"""The connection is lost at every call of an import in turn: each time it ends as if it had not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.fileset import Record
from ingest.omero import retrying
from ingest.stages import importing
from tests.fixtures.ice_proxy import Fault, IceProxy
from tests.fixtures.world import Source, World
from tests.integration.ingest_omero.rig import Rig, Server, write_image

NAME = "Lost"
TARGET = f"Dataset:@name:{NAME}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of this module alone: all that is in it is looked at."""
    server = Server(tmp_path_factory.mktemp("omero"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def proxy(server: Server) -> Iterator[IceProxy]:
    proxy = IceProxy(json.loads((server.folder / "server.json").read_text())["tcp_port"])
    yield proxy
    proxy.close()


@pytest.fixture
def far(
    tmp_path: Path, server: Server, proxy: IceProxy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    """A rig whose imports go through the proxy."""
    secret = (server.folder / "secret").read_text().strip()
    for name, value in {
        "OMERO_HOST": f"tcp://127.0.0.1:{proxy.port}",
        "OMERO_USER": "root",
        "OMERO_PASSWORD": secret,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("OMERO_SESSION", raising=False)
    monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr("ingest.omero.session.RETRY_AFTER", 0.0)
    proxy.watch()
    rig = Rig(tmp_path, server, {"omero": {"embedded": False}})
    yield rig
    rig.close()


def one_row(rig: Rig, name: str, transfer: str, files: int) -> list[Source]:
    paths = [write_image(rig.folder / name / f"{number}.tif") for number in range(files)]
    rig.filesets = []
    rig.add(name, paths, target=TARGET, import_transfer=transfer)
    return [Source.remember(path) for path in paths]


def import_and_annotate(rig: Rig) -> Record:
    (imported,) = rig.run(importing.STAGE, rig.checksum()).values()
    if imported.status != "ok":
        return imported
    (annotated,) = rig.annotate_all().values()
    return annotated


def lose_at(rig: Rig, proxy: IceProxy, position: int | None, fault: Fault) -> Record:
    """A job of its own whose connection is lost at the call of this position."""
    rig.close()
    rig.context = rig.new_context()
    proxy.watch(position, fault)
    return import_and_annotate(rig)


@pytest.mark.parametrize(
    ("transfer", "files", "fault", "seconds", "first"),
    [
        ("ln_s", 2, "before", 600, ""),
        ("ln_s", 2, "after", 0, ""),
        ("cp", 1, "before", 0, "importFileset"),
        ("upload_rm", 1, "after", 600, "importFileset"),
    ],
)
def test_an_import_survives_a_loss_at_every_call(
    far: Rig,
    proxy: IceProxy,
    world: World,
    transfer: str,
    files: int,
    fault: Fault,
    seconds: int,
    first: str,
) -> None:
    """`first` is the operation to begin with; with `seconds` of retrying no rerun is needed."""
    far.options["import"] = {"retry_seconds": seconds}
    one_row(far, "prepared", transfer, files)
    far.targets()
    containers = world.containers_named(NAME)
    assert lose_at(far, proxy, None, fault).status == "ok"
    operations = [call.operation for call in proxy.calls]
    position = operations.index(first) if first else 0
    tried = 1
    while True:
        sources = one_row(far, f"{transfer}-{fault}-{position}", transfer, files)
        record = lose_at(far, proxy, position, fault)
        lost = [call.operation for call in proxy.calls if call.fault]
        where = f"lost {fault} call {position} {lost}"
        if not seconds and record.status != "ok":
            assert "OMERO" in record.cause and "Run the same command again" in record.remedy, where
            record = lose_at(far, proxy, None, fault)
        assert record.status == "ok", f"{where}: {record.cause}"
        tried += 1
        world.check_imported(sources, transfer)
        world.check_nothing_is_left_over()
        assert world.containers_named(NAME) == containers + tried, where
        if not lost:
            break
        position += 1
    assert position >= len(set(operations))


@pytest.mark.parametrize("fault", ["before", "after"])
def test_targets_are_made_once_with_a_loss_at_every_call(
    far: Rig, proxy: IceProxy, world: World, fault: Fault
) -> None:
    path = write_image(far.folder / "a.tif")
    position, lost = 0, [""]
    while lost:
        name = f"{fault}-{position}"
        far.filesets = []
        far.add("row", [path], target=f"Project:name:{name}/Dataset:name:{name}", tags=(name,))
        far.close()
        far.context = far.new_context()
        proxy.watch(position, fault)
        table = far.targets()
        lost = [call.operation for call in proxy.calls if call.fault]
        assert "id" in table["targets"][0] and "id" in table["tags"][0], f"{name}, {lost}"
        assert world.containers_named(name) == 1, f"{name}, {lost}"
        position += 1
    assert position > 20


@pytest.mark.parametrize("operation", ["importFileset", "write", "verifyUpload", "getResponse"])
def test_a_connection_that_leads_nowhere_is_given_up(
    far: Rig, proxy: IceProxy, world: World, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.omero.session.KEEP_ALIVE", 0.5)
    monkeypatch.setattr("ingest.omero.session.ANSWER", 3.0)
    far.options["import"] = {"retry_seconds": 600}
    one_row(far, "prepared", "ln_s", 1)
    far.targets()
    assert lose_at(far, proxy, None, "hang").status == "ok"
    position = [call.operation for call in proxy.calls].index(operation)
    sources = one_row(far, f"hung-{operation}", "ln_s", 1)
    record = lose_at(far, proxy, position, "hang")
    assert record.status == "ok", record.cause
    assert any(call.fault for call in proxy.calls)
    world.check_imported(sources, "ln_s")
    world.check_nothing_is_left_over()
