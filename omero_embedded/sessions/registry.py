"""All sessions of the server: opening, joining, leaving, closing, and reaping the abandoned."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import omero
import omero.model
from omero.rtypes import rlong, rstring, rtime

from omero_embedded.sessions.session import Client, Session
from omero_embedded.store import Actor, Store
from omero_embedded.store.accounts import SERVER
from omero_embedded.wire.requestlog import LOG

IDLE_MS = 600_000
# How long a client may be without a connection before it counts as dead.
_GRACE = 5.0
_REAP_EVERY = 1.0


class Sessions:
    """`on_client_gone` and `on_session_closed` take down what Ice has of them."""

    def __init__(self, store: Store, idle_ms: int = IDLE_MS) -> None:
        self._store = store
        self._idle_ms = idle_ms
        self._lock = threading.RLock()
        self._sessions: dict[str, Session] = {}
        self._node = self._start_node()
        self._stopped = threading.Event()
        self.on_client_gone: Callable[[Client], None] = _nothing
        self.on_session_closed: Callable[[Session], None] = _nothing

    def _start_node(self) -> Any:
        """A row for this run of the server; what an earlier one left open is closed."""
        now = rtime(_now_ms())
        with self._store.write(SERVER) as work:
            for row in work.find_by("Session", closed=None):
                if row.id.val > 0:  # the server's own session is never over
                    row.closed = now
                    work.save(row)
            node = omero.model.NodeI()
            node.uuid, node.conn, node.up = rstring(str(uuid.uuid4())), rstring("127.0.0.1"), now
            return work.save(node)

    def open(
        self,
        user: str | int,
        group: str | int | None = None,
        agent: str = "",
        event_type: str = "User",
        time_to_live: int = 0,
        time_to_idle: int | None = None,
        sudoer_id: int | None = None,
    ) -> Session:
        """A new session. Raises omero.SecurityViolation for an unknown user or foreign group."""
        actor = self._store.actor(user, group, event_type=event_type, sudoer_id=sudoer_id)
        idle = self._idle_ms if time_to_idle is None else time_to_idle
        row = omero.model.SessionI()
        row.uuid = rstring(str(uuid.uuid4()))
        row.node = omero.model.NodeI(self._node.id.val, False)
        row.owner = omero.model.ExperimenterI(actor.user_id, False)
        if sudoer_id is not None:
            row.sudoer = omero.model.ExperimenterI(sudoer_id, False)
        row.timeToIdle, row.timeToLive = rlong(idle), rlong(time_to_live)
        row.started = rtime(_now_ms())
        row.defaultEventType = rstring(event_type)
        row.userAgent = rstring(agent)
        row.message = rstring("")
        with self._store.write(SERVER) as work:
            row = work.save(row)
            user_name = work.get("Experimenter", actor.user_id).omeName.val
        group_name = self.group_name(actor.group_id)
        actor = self._store.actor(actor.user_id, actor.group_id, row.id.val, event_type, sudoer_id)
        session = Session(
            row.uuid.val, row.id.val, user_name, group_name, actor, time_to_live, idle
        )
        with self._lock:
            self._sessions[session.uuid] = session
        return session

    def group_name(self, group_id: int) -> str:
        with self._store.read(SERVER) as work:
            name: str = work.get("ExperimenterGroup", group_id).name.val
            return name

    def find(self, session_uuid: str) -> Session | None:
        with self._lock:
            return self._sessions.get(session_uuid)

    def all(self) -> list[Session]:
        with self._lock:
            return list(self._sessions.values())

    def join(self, session: Session, client_uuid: str, connection: Any, agent: str) -> Client:
        """A client enters a session; the same client twice is still one client."""
        with session.lock:
            client = session.clients.get(client_uuid)
            if client is None:
                client = Client(client_uuid, session, connection, agent)
                session.clients[client_uuid] = client
            session.references += 1
            session.last_used = time.monotonic()
        return client

    def leave(self, client: Client) -> None:
        """A client goes. The last one closes the session, unless it asked to be detached."""
        session = client.session
        with session.lock:
            if session.clients.pop(client.uuid, None) is None:
                return
            session.references -= 1
            is_last = session.references < 1
        if is_last and not client.is_detached:
            client.notify_closed()
            self.on_client_gone(client)
            self.close(session)
        else:
            self.on_client_gone(client)

    def release(self, session: Session) -> int:
        """One reference less (ISession.closeSession): how many are left, or -2 once closed."""
        with session.lock:
            session.references -= 1
            left = session.references
        if left < 1:
            self.close(session)
            return -2
        return left

    def begin_import(self, session: Session) -> None:
        """An import holds its session as one more client would: the session outlives those that
        leave, and does not idle."""
        with session.lock:
            session.references += 1
            session.imports += 1

    def end_import(self, session: Session) -> None:
        """The import lets go of its session, and closes it when nobody else is there."""
        with session.lock:
            session.imports -= 1
            session.last_used = time.monotonic()
        self.release(session)

    def close(self, session: Session) -> None:
        """End a session: its clients, their servants, its imports; the row says when."""
        with self._lock:
            if self._sessions.pop(session.uuid, None) is None:
                return
        session.is_closed = True
        for client in list(session.clients.values()):
            client.notify_closed()
        self.on_session_closed(session)
        self._mark_closed(session)
        LOG.info("session %s of %s is closed", session.row_id, session.user_name)

    def _mark_closed(self, session: Session) -> None:
        with self._store.write(SERVER) as work:
            row = work.get("Session", session.row_id)
            row.closed = rtime(_now_ms())
            work.save(row)

    def row(self, session: Session) -> Any:
        """The omero.model.Session of a session."""
        with self._store.read(SERVER) as work:
            return work.get("Session", session.row_id)

    def set_limits(self, session: Session, live: int | None, idle: int | None) -> None:
        """Change how long a session may live and idle, in milliseconds; None leaves it."""
        with self._store.write(SERVER) as work:
            row = work.get("Session", session.row_id)
            if live is not None:
                session.time_to_live, row.timeToLive = live, rlong(live)
            if idle is not None:
                session.time_to_idle, row.timeToIdle = idle, rlong(idle)
            work.save(row)

    def switch_group(self, session: Session, actor: Actor) -> None:
        session.actor = actor
        session.group_name = self.group_name(actor.group_id)

    def start_reaping(self) -> None:
        threading.Thread(target=self._reap, name="reaper", daemon=True).start()

    def stop(self) -> None:
        """Close every session."""
        self._stopped.set()
        for session in self.all():
            self.close(session)

    def _reap(self) -> None:
        while not self._stopped.wait(_REAP_EVERY):
            for session in self.all():
                try:
                    self._reap_session(session, time.monotonic())
                except Exception:
                    LOG.exception("session %s could not be reaped", session.row_id)

    def _reap_session(self, session: Session, now: float) -> None:
        for client in list(session.clients.values()):
            if not client.requests and client.gone_for(now) > _GRACE:
                LOG.info("client %s of %s is gone", client.uuid, session.user_name)
                self.leave(client)
        over = session.exceeded(now)
        if over is not None:
            LOG.info("session %s exceeded its %s", session.row_id, over[0])
            self.close(session)


def _nothing(gone: Client | Session) -> None:
    """Until the server says otherwise."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
