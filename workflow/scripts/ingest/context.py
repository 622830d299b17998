"""What a stage has at hand besides the fileset: configuration, journal, log, OMERO sessions,
Bio-Formats."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.child_environment import child_environment
from ingest.journal import Journal
from ingest.progress import Progress

if TYPE_CHECKING:
    from imageformats import Grouping
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
        self._grouping: Grouping | None = None
        self._in_use = ExitStack()
        self._lock = threading.Lock()

    @property
    def sessions(self) -> SessionPool:
        """OMERO sessions, opened at first use: most stages never need one."""
        with self._lock:
            if self._sessions is None:
                from ingest.omero.session import SessionPool

                self._sessions = SessionPool(self.config)
                self._in_use.callback(self._sessions.close)
            return self._sessions

    @property
    def grouping(self) -> Grouping:
        """Bio-Formats' word on which files belong together; it runs in a process of its own, which
        is ended when a file takes longer than the option convert.read_limit."""
        with self._lock:
            if self._grouping is None:
                from imageformats import grouping_apart

                limit = self.config.convert.read_limit
                self._grouping = self._in_use.enter_context(
                    grouping_apart(limit, child_environment())
                )
            return self._grouping

    def close(self) -> None:
        with self._lock:
            self._sessions = self._grouping = None
            self._in_use.close()
