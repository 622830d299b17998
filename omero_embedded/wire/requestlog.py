"""server.log: one line per request, and what went wrong. Never a secret, never an argument."""

from __future__ import annotations

import logging
import logging.handlers
import time
from pathlib import Path

LOG = logging.getLogger("omero_embedded")
_LARGEST = 5_000_000
_KEPT = 3


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


def request(operation: str, user: str, seconds: float, outcome: str) -> None:
    LOG.info("%s %s %.0f ms %s", operation, user, seconds * 1000, outcome)
