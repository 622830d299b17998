"""The server: Ice, store, repository and services put together, from start to stop."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import Ice
import omero
import omero.all
import omero.ObjectFactoryRegistrar
import omero.rtypes
from omero.clients import Glacier2  # omero loads it anew: imported first, it is another

from omero_embedded.certificate import PASSWORD, ensure_certificate
from omero_embedded.commands.dispatch import Commands
from omero_embedded.commands.handle import Handle
from omero_embedded.folder import StoreFolder
from omero_embedded.imports.request import Importer
from omero_embedded.imports.wishes import closes_itself
from omero_embedded.pixels.source import Readers
from omero_embedded.pixels.thumbnails import Thumbnails
from omero_embedded.repository.files import open_repository
from omero_embedded.repository.managed import ManagedRepository
from omero_embedded.repository.process import Importing
from omero_embedded.services.catalogue import Facilities, service_kinds
from omero_embedded.sessions.factory import ServiceFactory
from omero_embedded.sessions.registry import Sessions
from omero_embedded.sessions.router import Router
from omero_embedded.sessions.servant_map import ServantMap
from omero_embedded.sessions.session import Client
from omero_embedded.store import Store
from omero_embedded.users import DEFAULT_USERS, load_users
from omero_embedded.wire.requestlog import LOG, log_to

_HOST = "127.0.0.1"
# Commands at once; imports have their own threads, since one may take hours.
_WORKERS = 16
_IMPORTS = max(2, (os.cpu_count() or 2) // 2)


class Server:
    """A running server over one folder. `facts` is what its server.json says."""

    def __init__(self, folder: StoreFolder, users: Path | None = None) -> None:
        self._folder = folder
        self._lock = folder.lock()
        log_to(folder.log)
        self._store = Store.open(folder.root)
        self._user = load_users(self._store, users or DEFAULT_USERS)
        self._repository = open_repository(folder.managed_repository, self._store, folder.uuid())
        self._thumbnails = Thumbnails(folder.thumbnails)
        self._workers = ThreadPoolExecutor(_WORKERS, "command")
        self._imports = ThreadPoolExecutor(_IMPORTS, "import")
        self._communicator = _communicator(folder)
        self._adapter = self._communicator.createObjectAdapterWithEndpoints(
            "omero", f"ssl -h {_HOST} -p 0:tcp -h {_HOST} -p 0"
        )
        self.facts = self._published()
        self._sessions = Sessions(self._store)
        self._servants = ServantMap(self._adapter)
        self._readers = Readers()
        self._assemble()

    def _published(self) -> dict[str, Any]:
        ports = {e.getInfo().type(): e.getInfo().port for e in self._adapter.getEndpoints()}
        return {
            "host": _HOST,
            "port": ports[Ice.SSLEndpointType],
            "tcp_port": ports[Ice.TCPEndpointType],
            "user": self._user,
            "pid": os.getpid(),
            "managed_repository": str(self._repository.root),
        }

    def _assemble(self) -> None:
        self._sessions.on_client_gone = self._servants.client_gone
        self._sessions.on_session_closed = self._servants.session_closed
        importing = Importing(
            self._repository,
            self._servants,
            Importer(self._store, self._thumbnails).task,
            self._start_import,
        )
        managed = ManagedRepository(self._repository, self._servants, importing, self._submit)
        self._commands = Commands(self._store, self._sessions, self._repository, self._thumbnails)
        self._kinds = service_kinds(
            Facilities(
                self._store,
                self._sessions,
                self._servants,
                self._repository,
                managed,
                self._thumbnails,
                self._readers,
                self._folder,
                f"OMERO.Glacier2/router:tcp -p {self.facts['tcp_port']} -h {_HOST}",
            )
        )
        service = Router(
            self._sessions, self._folder.secret(), lambda: self._router, self._open_door
        )
        self._router = self._servants.add(
            "router", "OMERO.Glacier2", Glacier2.Router, service, None
        )

    def _open_door(self, client: Client) -> Any:
        """The ServiceFactory of a client that has just logged in."""
        factory = ServiceFactory(client, self._sessions, self._servants, self._kinds, self._submit)
        name, category = client.session.uuid, f"session-{client.uuid}"
        return self._servants.add(name, category, omero.api.ServiceFactory, factory, client)

    def _submit(self, client: Client, call: Any, request: Any) -> Any:
        return self._start_command(client, Handle(self._commands.task(call, request)))

    def _start_command(self, client: Client, handle: Handle) -> Any:
        proxy = self._servants.open_new(client, "Handle", omero.cmd.Handle, handle)
        handle.start(self._workers)
        return proxy

    def _start_import(self, client: Client, handle: Handle) -> Any:
        proxy = self._servants.open_new(client, "Handle", omero.cmd.Handle, handle)
        self._sessions.begin_import(client.session)
        handle.start(self._imports, lambda: self._end_import(client, handle))
        return proxy

    def _end_import(self, client: Client, handle: Handle) -> None:
        if closes_itself(handle.request.settings):
            handle.unregister()
            name = handle.request.process.ice_getIdentity().name
            process = client.session.actives.get(name)
            if process is not None:
                process.service.unregister()
        self._sessions.end_import(client.session)

    def start(self) -> None:
        """Answer from now on, and say where."""
        self._adapter.activate()
        self._sessions.start_reaping()
        self._folder.announce(self.facts)
        LOG.info("serving %s on port %s", self._folder.root, self.facts["port"])

    def stop(self) -> None:
        """Close all sessions, let what is under way come to its next stop, and let go."""
        LOG.info("stopping")
        self._folder.announcement.unlink(missing_ok=True)
        self._sessions.stop()
        self._imports.shutdown(wait=True, cancel_futures=True)
        self._communicator.destroy()
        self._workers.shutdown(wait=True)
        self._repository.notes.stop()
        self._readers.close()
        self._store.close()
        self._lock.close()


def _communicator(folder: StoreFolder) -> Any:
    ensure_certificate(folder.certificate)
    properties = Ice.createProperties()
    for key, value in {
        "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
        "IceSSL.DefaultDir": str(folder.root),
        "IceSSL.CertFile": folder.certificate.name,
        "IceSSL.Password": PASSWORD,
        "IceSSL.VerifyPeer": "0",
        "Ice.MessageSizeMax": "250000",
        # A client that hashes a large file says nothing for minutes and is still there.
        "Ice.ACM.Server.Timeout": "0",
        "Ice.ThreadPool.Server.Size": "4",
        # Each more is one more that waits for Python's lock.
        "Ice.ThreadPool.Server.SizeMax": "16",
        "Ice.Warn.Connections": "0",
        "Ice.Warn.Dispatch": "0",
        "Ice.Default.CollocationOptimized": "0",
    }.items():
        properties.setProperty(key, value)
    data = Ice.InitializationData()
    data.properties = properties
    communicator = Ice.initialize(data)
    omero.ObjectFactoryRegistrar.registerObjectFactory(communicator, None)
    for kind in omero.rtypes.ObjectFactories.values():
        kind.register(communicator)
    return communicator
