"""Neither the password nor a session's key is in any file, on any terminal, in any command line or
in the environment of a program that has no use for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import omero.clients
import pytest

from omero_embedded.companion import server_for
from tests.integration.secrets.watcher import Seen, watched
from tests.integration.workflow.images import write_image
from tests.integration.workflow.workspace import Run, Workspace

# Who logs in to OMERO: the main process, its jobs, and the shells that start those.
LOG_IN = (b"snakemake", b"ingest.job")
# What Python's library and Snakemake's plugins start by themselves, to know the machine.
HARMLESS = (b"uname\0", b"/sbin/ldconfig\0", b"scontrol\0show\0config\0")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A row that goes well, one that fails, and one whose converter writes what it is given."""
    made = Workspace(tmp_path)
    write_image(tmp_path / "source" / "good.ome.tiff", 1)
    write_image(tmp_path / "source" / "raw.ome.tiff", 2)
    (tmp_path / "source" / "bad.tif").write_bytes(b"II*\0 no image")
    (tmp_path / "convert.sh").write_text('env > "$0.env"; sleep 1; cp "$1" "$2/raw.ome.tiff"')
    command = f"sh {tmp_path}/convert.sh {{input}} {{output}}"
    made.configure(
        omero={"embedded": False},
        transfer={"store": "store"},
        converters={"c": {"runtime": "host", "command": command}},
    )
    made.write_manifest(
        [
            {"fileset": "good", "path": "source/good.ome.tiff", "target": "Dataset:name:D"},
            {"fileset": "bad", "path": "source/bad.tif"},
            {"fileset": "raw", "path": "source/raw.ome.tiff", "convert": "c", "group": "screening"},
        ]
    )
    return made


def keys(client: omero.client) -> set[str]:
    """The keys of all sessions that the server ever had."""
    rows = client.sf.getQueryService().projection("select s.uuid from Session s", None)
    return {row[0].val for row in rows}


def check_nothing_told(folder: Path, run: Run, seen: Seen, secrets: Iterable[str]) -> None:
    omero_store = folder / "omero-embedded"
    own = {omero_store / "secret", *omero_store.glob("*.db*"), *omero_store.glob("*.sqlite*")}
    files = [path for path in folder.rglob("*") if path.is_file() and path not in own]
    assert any(path.name.endswith(".log") for path in files)
    for secret in secrets:
        told = [path for path in files if secret.encode() in path.read_bytes()]
        assert told == []
        assert secret not in run.terminal
        assert not any(secret.encode() in line for line in seen.lines)
    known = {line for line in seen.trusted if any(name in line for name in LOG_IN)}
    strangers = {line for line in seen.trusted - known if not line.startswith(HARMLESS)}
    assert strangers == set()


def test_a_password_and_the_sessions_it_opens(workspace: Workspace) -> None:
    store = workspace.folder / "omero-embedded"
    with server_for(store, None) as address:
        secret = (store / "secret").read_text().strip()
        login = {
            "OMERO_HOST": address["host"],
            "OMERO_PORT": str(address["port"]),
            "OMERO_USER": address["user"],
            "OMERO_PASSWORD": secret,
        }
        with watched(secret) as seen:
            run = workspace.run("--verbose", "--printshellcmds", environment=login)
        with workspace.omero() as client:
            opened = keys(client) - {client.getSessionId()}
    assert {name: row["status"] for name, row in workspace.table().items()} == {
        "good": "ok",
        "bad": "error",
        "raw": "ok",
    }
    assert len(opened) > 1
    assert seen.trusted
    assert "OMERO" not in (workspace.folder / "convert.sh.env").read_text().replace(
        "OMERO_INGEST_CONVERSION", ""
    )
    check_nothing_told(workspace.folder, run, seen, {secret, *opened})


def refused(workspace: Workspace, login: Mapping[str, str], secret: str) -> None:
    store = workspace.folder / "omero-embedded"
    with server_for(store, None) as address:
        where = {"OMERO_HOST": address["host"], "OMERO_PORT": str(address["port"])}
        with watched(secret) as seen:
            run = workspace.run("--verbose", environment={**where, **login})
    assert run.status != 0
    check_nothing_told(workspace.folder, run, seen, {secret})


def test_a_wrong_password(workspace: Workspace) -> None:
    secret = "wrong-but-perhaps-right-elsewhere"
    refused(workspace, {"OMERO_USER": "ada", "OMERO_PASSWORD": secret}, secret)


def test_the_key_of_a_session_that_is_not_there(workspace: Workspace) -> None:
    secret = "3f1c4a52-9d3e-4a41-8e1c-5d7a1b0c9e77"
    refused(workspace, {"OMERO_SESSION": secret}, secret)


def test_the_key_of_a_session(workspace: Workspace) -> None:
    store = workspace.folder / "omero-embedded"
    with server_for(store, None) as address, workspace.omero() as client:
        secret = client.getSessionId()
        login = {
            "OMERO_HOST": address["host"],
            "OMERO_PORT": str(address["port"]),
            "OMERO_SESSION": secret,
        }
        with watched(secret) as seen:
            run = workspace.run("--verbose", environment=login)
        opened = keys(client)
    assert workspace.table()["good"]["status"] == "ok"
    assert len(opened) > 1
    check_nothing_told(workspace.folder, run, seen, opened)
