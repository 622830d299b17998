from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.ingest_omero.rig import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("omero"))
    server.start()
    yield server
    server.stop()
