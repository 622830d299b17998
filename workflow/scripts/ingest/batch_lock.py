"""A lock on a batch: two jobs never work on the same filesets at the same time.

A main process that was killed and started again does not know of its jobs that still run on the
cluster. Locks of the operating system are not to be relied on across the nodes of one, so these
are made of what every network file system does: creating a file that must not exist yet.

`<folder>/<n>` is the n-th holding of the lock; the highest number is the present one, and making
the next number is the only way to take the lock. A holder touches its file while it lives, and
marks it as released at the end; the highest number is never removed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.atomic import write_text

HEARTBEAT = 10.0  # seconds between two signs of life
STALE = 60.0  # seconds without one after which the holder counts as dead


@dataclass(frozen=True)
class Owner:
    """Who holds a lock. `start` tells a process from a later one with the same pid."""

    host: str = ""
    pid: int = 0
    start: str = ""
    stage: str = ""
    released: bool = False

    def __str__(self) -> str:
        return f"{self.stage or 'a job'} on {self.host or 'an unknown host'} (process {self.pid})"


@contextlib.contextmanager
def batch_lock(
    folder: Path,
    stage: str,
    log: logging.Logger,
    on_lost: Callable[[], None],
    heartbeat: float = HEARTBEAT,
    stale: float = STALE,
) -> Iterator[None]:
    """Holds the lock in `folder` for the block; waits for it as long as its holder lives.

    `on_lost` is called, from another thread, when somebody took the lock over because this
    process gave no sign of life for `stale` seconds: it must end the process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    me = Owner(socket.gethostname(), os.getpid(), _process_start(os.getpid()), stage)
    own = _acquire(folder, me, log, heartbeat, stale)
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(heartbeat):
            try:
                os.utime(own)
            except FileNotFoundError:
                if not ended.is_set():
                    log.error("the lock %s was taken over by another job; this one ends", own)
                    on_lost()
                return
            except OSError as error:
                log.warning("no sign of life could be given in %s: %s", own, error)

    beats = threading.Thread(target=beat, name="batch lock", daemon=True)
    beats.start()
    try:
        yield
    finally:
        ended.set()
        beats.join()
        if own.exists():
            write_text(own, json.dumps(asdict(Owner(**{**asdict(me), "released": True}))))


def _acquire(folder: Path, me: Owner, log: logging.Logger, heartbeat: float, stale: float) -> Path:
    waited_for = 0
    while True:
        present = _highest(folder)
        if present:
            owner = _owner(folder / str(present))
            age = _age(folder, folder / str(present))
            if not owner.released and not _is_dead(owner) and age < stale:
                if present != waited_for:
                    log.warning("waiting for the batch's lock %s: held by %s", folder, owner)
                    waited_for = present
                time.sleep(heartbeat / 2)
                continue
            if not owner.released:
                log.warning("taking over the batch's lock %s of %s, which is dead", folder, owner)
        if _create(folder / str(present + 1), me) and _highest(folder) == present + 1:
            for number in _numbers(folder):
                if number <= present:
                    (folder / str(number)).unlink(missing_ok=True)
            return folder / str(present + 1)


def _create(path: Path, me: Owner) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    try:
        os.write(descriptor, json.dumps(asdict(me)).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def _numbers(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


def _highest(folder: Path) -> int:
    return max(_numbers(folder), default=0)


def _owner(path: Path) -> Owner:
    """Who made `path`; nobody known while its maker has not written it yet."""
    try:
        return Owner(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError):
        return Owner()


def _age(folder: Path, path: Path) -> float:
    """Seconds since the last sign of life, by the file server's clock: hosts' clocks differ."""
    probe = folder / f".{uuid.uuid4().hex}"
    probe.touch()
    try:
        # Opening the file makes a network file system ask the server, not its cache.
        with path.open("rb") as file:
            return (probe.stat().st_mtime_ns - os.fstat(file.fileno()).st_mtime_ns) / 1e9
    except FileNotFoundError:
        return 0.0
    finally:
        probe.unlink()


def _is_dead(owner: Owner) -> bool:
    """True when the owner ran on this host and runs no more."""
    return owner.host == socket.gethostname() and owner.start != _process_start(owner.pid)


def _process_start(pid: int) -> str:
    """Boot and start time of a process of this host; empty when there is none (or no /proc)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The second field, the command's name in parentheses, may hold blanks and parentheses.
    return f"{boot}:{stat.rpartition(')')[2].split()[19]}"
