"""Which servants are registered with Ice, under whose name, and taking them down again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

import Ice

from omero_embedded.sessions.session import Active, Client, Session
from omero_embedded.wire.requestlog import LOG
from omero_embedded.wire.servants import Call, servant


class Stateful:
    """What every stateful service answers besides its own operations."""

    _unregister: Callable[[], None] = staticmethod(lambda: None)

    def registered(self, unregister: Callable[[], None]) -> None:
        self._unregister = unregister

    def close(self, call: Call) -> None:
        try:
            self.release()
        finally:
            self.unregister()

    def unregister(self) -> None:
        """Nobody reaches the service from here on."""
        self._unregister()

    def release(self) -> None:
        """Let go of what the service holds; also when its session ends without a close."""

    def activate(self, call: Call) -> None:
        return None

    def passivate(self, call: Call) -> None:
        return None


class ServantMap:
    """Servants by the identities that OMERO's clients expect."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    @property
    def communicator(self) -> Any:
        return self._adapter.getCommunicator()

    def add(self, name: str, category: str, skeleton: Any, service: Any, client: Any) -> Any:
        """Register a servant and return a proxy to it."""
        identity = Ice.Identity(name=name, category=category)
        made = servant(skeleton, service, client)
        return _proxy_class(skeleton).uncheckedCast(self._adapter.add(made, identity))

    def open(
        self, client: Client, name: str, skeleton: Any, service: Any, is_stateful: bool
    ) -> Any:
        """Register a service of a session under `name` and return its proxy."""
        session = client.session
        proxy = self.add(name, session.uuid, skeleton, service, client)
        session.actives[name] = Active(service, proxy, client, is_stateful)
        if isinstance(service, Stateful):
            service.registered(lambda: self._take_down(session, name))
        return proxy

    def open_new(self, client: Client, kind: str, skeleton: Any, service: Any) -> Any:
        """As `open`, under a fresh name ending in `kind`, for services with a state."""
        return self.open(client, f"{uuid.uuid4()}-{kind}", skeleton, service, True)

    def client_gone(self, client: Client) -> None:
        """Stateless services go with their client; the others stay for whoever is still there."""
        self._remove(client.session.uuid, f"session-{client.uuid}")
        for name, active in list(client.session.actives.items()):
            if active.owner is client and not active.is_stateful:
                self._take_down(client.session, name)

    def session_closed(self, session: Session) -> None:
        for client in list(session.clients.values()):
            self._remove(session.uuid, f"session-{client.uuid}")
        for name, active in list(session.actives.items()):
            self._take_down(session, name)
            if isinstance(active.service, Stateful):
                try:
                    active.service.release()
                except Exception:
                    LOG.exception("%s could not be closed with its session", name)

    def _take_down(self, session: Session, name: str) -> None:
        if session.actives.pop(name, None) is not None:
            self._remove(name, session.uuid)

    def _remove(self, name: str, category: str) -> None:
        try:
            self._adapter.remove(Ice.Identity(name=name, category=category))
        except (Ice.NotRegisteredException, Ice.ObjectAdapterDeactivatedException):
            LOG.info("%s was taken down already", name)


@cache
def _proxy_class(skeleton: Any) -> Any:
    # slice2py names the modules of its classes rightly ("omero.api"), and Ice keeps them open.
    return getattr(Ice.openModule(skeleton.__module__), f"{skeleton.__name__}Prx")
