"""A session and the clients that joined it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from omero_embedded.store import Actor
from omero_embedded.wire import errors
from omero_embedded.wire.requestlog import LOG


@dataclass
class Active:
    """A servant that is registered under a name in a session. `owner`: the client that made it."""

    service: Any
    proxy: Any
    owner: Client
    is_stateful: bool


@dataclass
class Session:
    """A login. Times are seconds of the monotonic clock, limits milliseconds (0: none)."""

    uuid: str
    row_id: int
    user_name: str
    group_name: str
    actor: Actor
    time_to_live: int
    time_to_idle: int
    began: float = field(default_factory=time.monotonic)
    last_used: float = field(default_factory=time.monotonic)
    references: int = 0
    imports: int = 0
    clients: dict[str, Client] = field(default_factory=dict)
    actives: dict[str, Active] = field(default_factory=dict)
    is_closed: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)

    def exceeded(self, now: float) -> tuple[str, int, float] | None:
        """Which of its times is up, how long that was, and by how much (both milliseconds).

        While a request is answered or an import runs a session does not idle.
        """
        alive = (now - self.began) * 1000
        if self.time_to_live and alive > self.time_to_live:
            return "timeToLive", self.time_to_live, alive - self.time_to_live
        idle = (now - self.last_used) * 1000
        busy = self.imports or any(client.requests for client in self.clients.values())
        if self.time_to_idle and idle > self.time_to_idle and not busy:
            return "timeToIdle", self.time_to_idle, idle - self.time_to_idle
        return None

    def check_time(self, now: float) -> None:
        """Raises omero.SessionTimeoutException when the session's time is up."""
        over = self.exceeded(now)
        if over is not None:
            kind, limit, by = over
            raise errors.session_timeout(f"Session exceeded {kind} ({limit}) by {by:.0f} ms")


class Client:
    """One client of a session: what every call that reaches a servant of it belongs to."""

    def __init__(self, uuid: str, session: Session, connection: Any, agent: str) -> None:
        self.uuid = uuid
        self.session = session
        self.agent = agent
        self.is_detached = False
        self.callback: Any = None
        self.requests = 0
        self._connection = connection
        self._lost_at: float | None = None

    @property
    def name(self) -> str:
        return self.session.user_name

    def enter(self, connection: Any) -> None:
        if self.session.is_closed:
            raise errors.removed_session(f"No context for {self.session.uuid}")
        self.session.check_time(time.monotonic())
        with self.session.lock:
            self.requests += 1
            self.session.last_used = time.monotonic()
            self._connection = connection

    def leave(self) -> None:
        with self.session.lock:
            self.requests -= 1
            self.session.last_used = time.monotonic()

    def gone_for(self, now: float) -> float:
        """Seconds since its connection was seen closed; 0 while it is open."""
        try:
            self._connection.getInfo()
        except Exception:
            if self._lost_at is None:
                self._lost_at = now
            return now - self._lost_at
        self._lost_at = None
        return 0.0

    def notify_closed(self) -> None:
        """Tell the client that its session is over; it may not be there any more."""
        if self.callback is None:
            return
        try:
            self.callback.ice_oneway().sessionClosed()
        except Exception as error:
            LOG.info("client %s was not told of its session's end: %s", self.uuid, error)
