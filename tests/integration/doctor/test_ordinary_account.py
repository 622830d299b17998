"""doctor by an ordinary account, for a server whose repository is shared with it or not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ingest_omero.rig import Server, write_image

US, STRANGER = 41001, 41003  # accounts and groups that nobody has

# Modules are loaded as whoever runs this, whose folders the other account may not enter.
DIAGNOSE = f"""
import json, os, sys
import encodings.utf_8_sig, ingest.doctor.file_systems, ingest.manifest, omero.all
from dataclasses import asdict
from pathlib import Path
from ingest.config import load
from ingest.context import Context
from ingest.doctor.doctor import diagnose
from ingest.journal import Journal
os.setgroups([])
os.setresgid({US}, {US}, {US})
os.setresuid({US}, {US}, {US})
os.umask(0o077)
config = load(json.loads(sys.argv[1]))
context = Context(config, config.results, Journal(config.results / "journal"))
print(json.dumps([asdict(each) for each in diagnose(context)]))
"""


@pytest.fixture
def site() -> Iterator[Path]:
    """A folder that every account may enter, with a results folder of ours and a foreign image."""
    made = Path(tempfile.mkdtemp(prefix="doctor-", dir="/var/tmp"))
    made.chmod(0o755)
    (made / "results").mkdir()
    os.chown(made / "results", US, US)
    image = write_image(made / "data" / "a.tif")
    image.chmod(0o644)
    yield made
    shutil.rmtree(made)


def faults(site: Path, server: Server, **row: str) -> list[str]:
    cells = {"fileset": "a", "path": str(site / "data" / "a.tif"), **row}
    (site / "manifest.csv").write_text(f"{','.join(cells)}\n{','.join(cells.values())}\n")
    options: dict[str, Any] = {
        "manifest": str(site / "manifest.csv"),
        "results": str(site / "results"),
        "doctor": {"temporary": []},
        "omero": {"embedded": False, "managed_repository": str(site / "repository")},
        "transfer": {"store": str(site / "results" / "store")},
    }
    announced = json.loads((server.folder / "server.json").read_text())
    login = {
        "OMERO_HOST": "127.0.0.1",
        "OMERO_PORT": str(announced["port"]),
        "OMERO_USER": "admin",
        "OMERO_PASSWORD": (server.folder / "secret").read_text().strip(),
    }
    done = subprocess.run(
        [sys.executable, "-c", DIAGNOSE, json.dumps(options)],
        env={**os.environ, **login, "PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    bad = [each for each in found if each["status"] == "fix"]
    assert all(each["remedy"] for each in bad)
    return [f"{each['check']}: {each['finding']}" for each in bad]


def test_repository_of_others(site: Path, facility: Server) -> None:
    repository = site / "repository"
    repository.mkdir()
    os.chown(repository, STRANGER, STRANGER)
    repository.chmod(0o755)
    found = " ".join(faults(site, facility, transfer="cp"))
    assert f"may not write to {repository}" in found
    assert f"its group is {STRANGER}, of which user {US} is not a member" in found
    assert "umask: umask 0077" in found


def test_hard_links_that_linux_protects(site: Path, facility: Server) -> None:
    repository = site / "repository"
    repository.mkdir()
    os.chown(repository, STRANGER, US)
    repository.chmod(0o775)
    found = " ".join(faults(site, facility, import_transfer="ln"))
    assert "lacks the setgid bit" in found
    assert "fs.protected_hardlinks" in found


def test_repository_that_is_shared_as_it_should_be(site: Path, facility: Server) -> None:
    repository = site / "repository"
    repository.mkdir()
    os.chown(repository, STRANGER, US)
    repository.chmod(0o2775)
    found = [each for each in faults(site, facility) if not each.startswith("repository: ")]
    assert found == []
