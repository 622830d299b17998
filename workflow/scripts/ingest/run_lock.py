"""One run at a time over a results folder, without a lock that a killed run leaves behind."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path
from typing import IO

FILE = ".lock"  # in the results folder

# Who only asks whether there is a run holds the lock for a moment.
_TRIES = 5
_PAUSE = 0.05  # seconds


class RunInProgress(Exception):
    """Another main process is at work on the same results."""


def hold_run_lock(results: Path) -> IO[str]:
    """Takes the lock; it is held as long as the returned file is open and the process lives.

    The operating system gives it up for a process that was killed, where Snakemake's own lock
    would ask for --unlock. On a network file system without such locks between hosts the batches'
    locks still keep two runs from doing the same work.

    Raises RunInProgress, which names the holder.
    """
    results.mkdir(parents=True, exist_ok=True)
    lock = (results / FILE).open("a+", encoding="utf-8")
    if not _locked_soon(lock):
        lock.seek(0)
        holder = lock.read().strip() or "an unknown process"
        lock.close()
        raise RunInProgress(
            f"Another run is at work on {results}: {holder}. Wait until it has ended, or give this "
            "one another `results` folder."
        ) from None
    lock.truncate(0)
    lock.write(f"snakemake, process {os.getpid()} on {socket.gethostname()}\n")
    lock.flush()
    return lock


def is_running(results: Path) -> bool:
    """Whether a main process is at work on these results."""
    try:
        with (results / FILE).open("r", encoding="utf-8") as lock:
            return not _locked(lock, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _locked_soon(lock: IO[str]) -> bool:
    for _ in range(_TRIES):
        if _locked(lock, fcntl.LOCK_EX):
            return True
        time.sleep(_PAUSE)
    return False


def _locked(lock: IO[str], how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
