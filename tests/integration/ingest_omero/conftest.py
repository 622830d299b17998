from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.fixtures.world import World
from tests.integration.ingest_omero.rig import Rig, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("omero"))
    server.start()
    yield server
    server.stop()


GROUPS = ("private", "read", "annotate", "write")
USERS = {
    "groups": {
        "private": {"permissions": "rw----"},
        "read": {"permissions": "rwr---"},
        "annotate": {"permissions": "rwra--"},
        "write": {"permissions": "rwrw--"},
    },
    "users": {
        "admin": {"groups": ["read", "private", "annotate", "write"], "admin": True},
        "light": {"groups": ["read"], "admin": True, "privileges": ["WriteOwned", "WriteFile"]},
        "sudoer": {"groups": ["read"], "admin": True, "privileges": ["Sudo"]},
        "owner": {"groups": ["private", "read"], "leads": ["private"]},
        "head": {"groups": list(GROUPS), "leads": list(GROUPS)},
        "ann": {"groups": ["private", "read", "annotate", "write"]},
        "ben": {"groups": ["read", "private", "annotate", "write"]},
        "member": {"groups": ["read"]},
    },
}


@pytest.fixture(scope="session")
def facility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with groups of all permissions and users of all rights; `admin` imports."""
    folder = tmp_path_factory.mktemp("facility")
    (folder / "users.yaml").write_text(yaml.safe_dump(USERS))
    server = Server(folder / "omero", folder / "users.yaml")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def rig(tmp_path: Path, server: Server) -> Iterator[Rig]:
    rig = Rig(tmp_path, server)
    yield rig
    rig.close()


@pytest.fixture
def world(rig: Rig, server: Server) -> World:
    return World(rig.omero, server.repository)
