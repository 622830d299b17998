"""Run a command with an embedded server at hand: one that is up already, or one just for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from omero.util.sessions import SessionsStore

from omero_embedded.folder import StoreFolder

_LOGINS = ("OMERO_PASSWORD", "OMERO_SESSION")
_PATIENCE = 120.0


def run_beside(store: Path, users: Path | None, argv: list[str]) -> int:
    """Run `argv` with OMERO_HOST, OMERO_PORT, OMERO_USER and OMERO_PASSWORD set, and with a
    session for OMERO's command line, so that `omero hql ...` needs no login.

    Returns its exit status. A user in the environment already is kept.
    """
    command = argv[1:] if argv[:1] == ["--"] else argv
    if not command:
        print("omero_embedded exec: which command? Give it after --", file=sys.stderr)
        return 2
    with server_for(store, users) as facts, TemporaryDirectory() as sessions:
        user, secret = os.environ.get("OMERO_USER", facts["user"]), StoreFolder(store).secret()
        environment = {
            **os.environ,
            "OMERO_HOST": facts["host"],
            "OMERO_PORT": str(facts["port"]),
            "OMERO_USER": user,
            "OMERO_PASSWORD": secret,
            "OMERO_SESSIONDIR": sessions,
        }
        with _logged_in(sessions, facts, user, secret):
            return subprocess.run(command, env=environment, check=False).returncode


@contextmanager
def _logged_in(sessions: str, facts: dict[str, Any], user: str, secret: str) -> Iterator[None]:
    """A session in the folder where OMERO's command line looks for one, while the block lasts."""
    address = {"omero.host": facts["host"], "omero.port": str(facts["port"])}
    client = SessionsStore(sessions).create(user, secret, address)[0]
    try:
        yield
    finally:
        client.killSession()


@contextmanager
def server_for(store: Path, users: Path | None) -> Iterator[dict[str, Any]]:
    """What server.json says of a server over `store`; started, and stopped again, if need be."""
    folder = StoreFolder(store)
    running = folder.announced()
    if running is not None:
        yield running
        return
    arguments = ["serve", "--store", str(store), "--until-stdin-closes"]
    if users is not None:
        arguments += ["--users", str(users)]
    process = subprocess.Popen(
        [sys.executable, "-m", "omero_embedded", *arguments],
        # It has a secret of its own, and no use for the login to another server.
        env={key: value for key, value in os.environ.items() if key not in _LOGINS},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield _wait_for(folder, process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(_PATIENCE)


def _wait_for(folder: StoreFolder, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        facts = folder.announced()
        if facts is not None:
            return facts
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise SystemExit(f"the embedded server did not start: see {folder.log}")
