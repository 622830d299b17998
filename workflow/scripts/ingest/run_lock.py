"""One run at a time over a results folder, without a lock that a killed run leaves behind."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from typing import IO

FILE = ".lock"  # in the results folder


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
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
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
