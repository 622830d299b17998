"""Every service there is, by the name that clients ask for it with."""

from __future__ import annotations

import omero
import omero.all

from omero_embedded.folder import StoreFolder
from omero_embedded.pixels.thumbnails import Thumbnails
from omero_embedded.repository.files import Repository
from omero_embedded.repository.managed import ManagedRepository, SharedResources
from omero_embedded.services.config import Config
from omero_embedded.services.query import Query
from omero_embedded.services.session import SessionService
from omero_embedded.services.update import Update
from omero_embedded.sessions.factory import ServiceKind
from omero_embedded.sessions.registry import Sessions
from omero_embedded.sessions.servant_map import ServantMap
from omero_embedded.store import Store


def service_kinds(
    store: Store,
    sessions: Sessions,
    repository: Repository,
    managed: ManagedRepository,
    servants: ServantMap,
    thumbnails: Thumbnails,
    folder: StoreFolder,
    router: str,
) -> dict[str, ServiceKind]:
    api, grid = omero.api, omero.grid
    shared = {
        "omero.api.IConfig": (api.IConfig, Config(folder.uuid(), router)),
        "omero.api.IQuery": (api.IQuery, Query(store)),
        "omero.api.ISession": (api.ISession, SessionService(store, sessions)),
        "omero.api.IUpdate": (api.IUpdate, Update(store)),
        "omero.grid.SharedResources": (
            grid.SharedResources,
            SharedResources(repository, managed, servants),
        ),
    }
    return {
        name: ServiceKind(skeleton, lambda service=service: service)
        for name, (skeleton, service) in shared.items()
    }
