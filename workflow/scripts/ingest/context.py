"""What a stage has at hand besides the fileset: configuration, journal, log, OMERO sessions."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.journal import Journal
from ingest.progress import Progress

if TYPE_CHECKING:
    from ingest.config import Config
    from ingest.omero.session import SessionPool


@dataclass
class Context:
    """One job's surroundings, shared by all its threads.

    `threads` is how many the job may keep busy; `slots` holds that many permits, for stages that
    work on several files of a fileset at once. `log` is the job's log file.
    """

    config: Config
    results: Path
    journal: Journal
    threads: int = 1
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("ingest"))
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self.slots = threading.BoundedSemaphore(self.threads)
        self._sessions: SessionPool | None = None
        self._sessions_lock = threading.Lock()

    @property
    def sessions(self) -> SessionPool:
        """OMERO sessions, opened at first use: most stages never need one."""
        with self._sessions_lock:
            if self._sessions is None:
                from ingest.omero.session import SessionPool

                self._sessions = SessionPool(self.config)
            return self._sessions

    def close(self) -> None:
        with self._sessions_lock:
            sessions, self._sessions = self._sessions, None
        if sessions is not None:
            sessions.close()
