from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.ingest_omero.rig import Rig, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("omero"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def rig(tmp_path: Path, server: Server) -> Iterator[Rig]:
    rig = Rig(tmp_path / "rig", server, {"import": {"retry_seconds": 0}})
    yield rig
    rig.close()
