from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tests.integration.embedded.protocol import Rehearsal


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    running = Rehearsal(tmp_path_factory.mktemp("omero") / "store")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def ada(server: Rehearsal) -> Iterator[Any]:
    client = server.connect("ada")
    yield client
    client.closeSession()


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OME-TIFF of three channels and two sections, its name with a space and an umlaut."""
    path = tmp_path_factory.mktemp("source") / "Zellen für OMERO.ome.tif"
    planes = np.arange(3 * 2 * 40 * 50, dtype=np.uint16).reshape(3, 2, 40, 50)
    channels = {"Name": ["DAPI", "GFP", "TRITC"]}
    metadata = {"axes": "CZYX", "Channel": channels, "PhysicalSizeX": 0.25}
    tifffile.imwrite(path, planes, metadata=metadata | {"PhysicalSizeXUnit": "µm"})
    return path
