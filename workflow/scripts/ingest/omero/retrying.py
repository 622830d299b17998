"""Doing again what failed because OMERO was not there, or too busy, for a moment.

Never a single call is repeated, but a stage's whole work on a fileset, which begins by asking
OMERO what the attempt before did.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from ingest.omero.errors import Passing

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds

log = logging.getLogger("ingest")

T = TypeVar("T")


def retried(fileset_id: str, seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns; it is tried again after a passing error, for `seconds` from the first.

    They count from the moment a server went away: a job tries its other filesets once when it
    stayed away for so long.
    """
    pause, since = FIRST_PAUSE, None
    while True:
        try:
            return work()
        except Passing as error:
            since = error.since if since is None else min(since, error.since)
            # Jitter: the jobs of a cluster must not all come back at once.
            wait = max(error.back_off, pause * random.uniform(0.5, 1.0))
            if time.monotonic() + wait > since + seconds:
                raise
            log.warning("%s: %s; tried again in %.1f s", fileset_id, error.cause, wait)
            time.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)
