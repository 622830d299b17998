"""The folder a server keeps everything in, and who owns it at the moment."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
import uuid
from pathlib import Path
from typing import Any, TextIO

# Whoever looks for an owner holds the lock for a moment.
_LOCK_PATIENCE = 1.0


class StoreInUse(Exception):
    """Another process serves this folder."""


class StoreFolder:
    """Paths below one server's folder. Made when missing, for its owner's eyes only."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.managed_repository = self._folder("ManagedRepository")
        self.files = self._folder("Files")
        self.thumbnails = self._folder("Thumbnails")
        self.log = self.root / "server.log"
        self.announcement = self.root / "server.json"
        self.certificate = self.root / "certificate.p12"

    def _folder(self, name: str) -> Path:
        path = self.root / name
        path.mkdir(exist_ok=True)
        return path

    def secret(self) -> str:
        """The one password of every user of this store; made on first use."""
        path = self.root / "secret"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24).encode())
        return path.read_text("ascii").strip()

    def uuid(self) -> str:
        """The id of this store's database and repository."""
        path = self.root / "uuid"
        if not path.exists():
            write_private(path, str(uuid.uuid4()).encode())
        return path.read_text("ascii").strip()

    def lock(self) -> TextIO:
        """Own the folder until the returned file is closed or this process ends, however it ends.

        Raises StoreInUse with the owner's pid.
        """
        file = (self.root / "lock").open("a+", encoding="ascii")
        deadline = time.monotonic() + _LOCK_PATIENCE
        while not _try_lock(file):
            if time.monotonic() > deadline:
                file.seek(0)
                owner = file.read().strip() or "unknown"
                file.close()
                raise StoreInUse(
                    f"{self.root} is served by process {owner}: stop that one first, or give"
                    " another --store"
                )
            time.sleep(0.05)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file

    def announce(self, facts: dict[str, Any]) -> None:
        """Write server.json: where the server can be reached, for whoever waits for it."""
        write_private(self.announcement, json.dumps(facts, indent=1).encode())

    def announced(self) -> dict[str, Any] | None:
        """What server.json says when its writer still serves this folder, else None."""
        owner = self._owner()
        if owner is None or not self.announcement.exists():
            return None
        facts: dict[str, Any] = json.loads(self.announcement.read_text("utf-8"))
        # A killed server leaves its file behind, and the next one may not have written its own.
        return facts if facts["pid"] == owner else None

    def _owner(self) -> int | None:
        """The process that serves this folder, None when there is none."""
        path = self.root / "lock"
        if not path.exists():
            return None
        with path.open("r", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                pid = file.read().strip()
                return int(pid) if pid else None
            return None


def _try_lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
