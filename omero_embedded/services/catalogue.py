"""Every service there is, by the name that clients ask for it with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import omero
import omero.all

from omero_embedded.folder import StoreFolder
from omero_embedded.pixels.source import Readers
from omero_embedded.pixels.thumbnails import Thumbnails
from omero_embedded.repository.files import Repository
from omero_embedded.repository.managed import ManagedRepository
from omero_embedded.services.admin import Admin
from omero_embedded.services.config import Config
from omero_embedded.services.container import Container
from omero_embedded.services.metadata import Metadata
from omero_embedded.services.pixels import Pixels, RenderingSettings
from omero_embedded.services.query import Query
from omero_embedded.services.rawfiles import ChosenFile
from omero_embedded.services.rawpixels import RawPixels
from omero_embedded.services.rendering import Rendering
from omero_embedded.services.session import SessionService
from omero_embedded.services.shared_resources import SharedResources
from omero_embedded.services.small import Ldap, RepositoryInfo, Roi, Script, Share
from omero_embedded.services.tables import Tables
from omero_embedded.services.thumbnails import ThumbnailStore
from omero_embedded.services.types import Types
from omero_embedded.services.update import Update
from omero_embedded.sessions.factory import ServiceKind
from omero_embedded.sessions.registry import Sessions
from omero_embedded.sessions.servant_map import ServantMap
from omero_embedded.store import Store


@dataclass(frozen=True)
class Facilities:
    """What services are made from. `router` is the address without SSL."""

    store: Store
    sessions: Sessions
    servants: ServantMap
    repository: Repository
    managed: ManagedRepository
    thumbnails: Thumbnails
    readers: Readers
    folder: StoreFolder
    router: str


def service_kinds(has: Facilities) -> dict[str, ServiceKind]:
    """Stateless services are one for all clients, stateful ones are made for each use."""
    api, grid, store = omero.api, omero.grid, has.store
    types = Types(store)
    shared = {
        "IAdmin": Admin(store),
        "IConfig": Config(has.folder.uuid(), has.router),
        "IContainer": Container(store),
        "ILdap": Ldap(),
        "IMetadata": Metadata(store),
        "IPixels": Pixels(store, types),
        "IQuery": Query(store),
        "IRenderingSettings": RenderingSettings(store, has.thumbnails),
        "IRepositoryInfo": RepositoryInfo(has.repository.root),
        "IRoi": Roi(store),
        "IScript": Script(),
        "ISession": SessionService(store, has.sessions, has.folder.secret()),
        "IShare": Share(),
        "ITypes": types,
        "IUpdate": Update(store),
    }
    fresh: dict[str, Callable[[], Any]] = {
        "RawFileStore": lambda: ChosenFile(has.repository, has.folder.files),
        "RawPixelsStore": lambda: RawPixels(has.repository, has.readers),
        "RenderingEngine": lambda: Rendering(has.repository, has.readers),
        "ThumbnailStore": lambda: ThumbnailStore(has.repository, has.readers, has.thumbnails),
    }
    tables = Tables(store, has.servants, has.folder.files)
    resources = SharedResources(has.repository, has.managed, has.servants, tables)
    kinds = {
        f"omero.api.{name}": ServiceKind(getattr(api, name), _always(service))
        for name, service in shared.items()
    }
    kinds |= {
        f"omero.api.{name}": ServiceKind(getattr(api, name), make, is_stateful=True)
        for name, make in fresh.items()
    }
    kinds["omero.grid.SharedResources"] = ServiceKind(grid.SharedResources, _always(resources))
    return kinds


def _always(service: Any) -> Callable[[], Any]:
    return lambda: service
