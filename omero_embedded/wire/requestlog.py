"""server.log: one line per request, and what went wrong. Never a secret, never an argument."""

from __future__ import annotations

import atexit
import logging
import logging.handlers
import queue
import threading
import time
from pathlib import Path

LOG = logging.getLogger("omero_embedded")
_LARGEST = 5_000_000
_KEPT = 3
_PAUSE = 0.1  # seconds, in which lines gather

_lines: queue.SimpleQueue[str] = queue.SimpleQueue()
_writing = threading.Lock()


def log_to(path: Path) -> None:
    """Send everything this server logs to a rotating file."""
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=_LARGEST, backupCount=_KEPT, encoding="utf-8"
    )
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(message)s")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    threading.Thread(target=_write_requests, name="requests", daemon=True).start()
    atexit.register(_write_gathered)


def request(operation: str, user: str, seconds: float, outcome: str) -> None:
    """Note a request. No request waits for the disk: the lines are written a moment later."""
    _lines.put(
        f"{time.strftime('%H:%M:%S', time.gmtime())} {operation} {user} "
        f"{seconds * 1000:.0f} ms {outcome}"
    )


def _write_requests() -> None:
    while True:
        time.sleep(_PAUSE)
        _write_gathered()


def _write_gathered() -> None:
    with _writing:
        gathered = [_lines.get() for _ in range(_lines.qsize())]
        if gathered:
            LOG.info("%s", "\n".join(gathered))
