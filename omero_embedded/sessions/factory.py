"""The ServiceFactory: where a logged-in client gets its services from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import omero
import omero.all

from omero_embedded.sessions.acting import in_group
from omero_embedded.sessions.registry import Sessions
from omero_embedded.sessions.servant_map import ServantMap, Stateful
from omero_embedded.sessions.session import Client
from omero_embedded.store.actor import GUEST_ID
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call


@dataclass(frozen=True, slots=True)
class ServiceKind:
    """How a service comes to be: `make()` for each client, anew for each use when stateful."""

    skeleton: Any
    make: Any
    is_stateful: bool = False


class ServiceFactory:
    """Methods of omero::api::ServiceFactory, for one client.

    The `getXService` and `createX` operations are all lookups by name: see `__getattr__`.
    """

    def __init__(
        self,
        client: Client,
        sessions: Sessions,
        servants: ServantMap,
        kinds: dict[str, ServiceKind],
        submit: Callable[[Client, Call, Any], Any],
    ) -> None:
        self._client = client
        self._sessions = sessions
        self._servants = servants
        self._kinds = kinds
        self._submit = submit

    def __getattr__(self, operation: str) -> Any:
        name = _SERVICES.get(operation)
        if name is None:
            raise AttributeError(operation)
        if operation.startswith("create"):
            return lambda call: self.createByName(call, name)
        return lambda _call: self._by_name(name)

    def getByName(self, call: Call, name: str) -> Any:
        # Whatever it is, a command's handle too: Ice marshals no type but the declared one.
        return omero.api.ServiceInterfacePrx.uncheckedCast(self._by_name(name))

    def _by_name(self, name: str) -> Any:
        session = self._client.session
        active = session.actives.get(name) or session.actives.get(self._client.uuid + name)
        if active is not None:
            return active.proxy
        kind = self._kind(name)
        if kind.is_stateful:
            raise errors.api_usage(f"{name} is stateful: use createByName")
        return self._servants.open(
            self._client, self._client.uuid + name, kind.skeleton, kind.make(), False
        )

    def createByName(self, call: Call, name: str) -> Any:
        kind = self._kind(name)
        if not kind.is_stateful:
            raise errors.api_usage(f"{name} is stateless: use getByName")
        return self._servants.open_new(self._client, name, kind.skeleton, kind.make())

    def _kind(self, name: str) -> ServiceKind:
        if self._client.session.actor.user_id == GUEST_ID and name not in _FOR_GUESTS:
            raise errors.security(f"the guest user may not use {name}")
        kind = self._kinds.get(name)
        if kind is not None:
            return kind
        skeleton = _skeleton(name)
        if skeleton is None:
            raise errors.api_usage(f"there is no service {name}")
        # Its operations answer one by one that they are not in the embedded server.
        is_stateful = issubclass(skeleton, omero.api.StatefulServiceInterface)
        return ServiceKind(skeleton, Unserved, is_stateful)

    def sharedResources(self, call: Call) -> Any:
        return self._by_name("omero.grid.SharedResources")

    def submit(self, call: Call, request: Any) -> Any:
        return self._submit(self._client, call, request)

    def setCallback(self, call: Call, callback: Any) -> None:
        if callback is not None:
            proxy = call.connection.createProxy(callback.ice_getIdentity())
            self._client.callback = omero.api.ClientCallbackPrx.uncheckedCast(proxy)

    def closeOnDestroy(self, call: Call) -> None:
        self._client.is_detached = False

    def detachOnDestroy(self, call: Call) -> None:
        self._client.is_detached = True

    def activeServices(self, call: Call) -> list[str]:
        return sorted(self._client.session.actives)

    def keepAllAlive(self, call: Call, proxies: list[Any]) -> int:
        """Bit i is set when proxy i is NOT alive."""
        dead = 0
        for index, proxy in enumerate(proxies):
            if not self.keepAlive(call, proxy):
                dead |= 1 << index
        return dead

    def keepAlive(self, call: Call, proxy: Any) -> bool:
        if proxy is None:
            return False
        return proxy.ice_getIdentity().name in self._client.session.actives

    def getSecurityContexts(self, call: Call) -> list[Any]:
        actor = self._client.session.actor
        return [omero.model.ExperimenterGroupI(g, False) for g in sorted(actor.member_of)]

    def setSecurityContext(self, call: Call, wanted: Any) -> Any:
        if not isinstance(wanted, omero.model.ExperimenterGroup) or wanted.id is None:
            raise errors.api_usage("only an ExperimenterGroup with an id can be worked in")
        session = self._client.session
        earlier = session.actor.group_id
        self._sessions.switch_group(session, in_group(session, wanted.id.val))
        return omero.model.ExperimenterGroupI(earlier, False)

    def setSecurityPassword(self, call: Call, password: str) -> None:
        # Every login has given the only password there is; nothing asks for it twice here.
        return None

    def destroy(self, call: Call) -> None:
        self._sessions.leave(self._client)


# Nearly everything else asks in OMERO for a member of the group `user`.
_FOR_GUESTS = ("omero.api.IAdmin", "omero.api.IConfig", "omero.api.ISession")


class Unserved(Stateful):
    """A service with no operations of its own; it can at least be closed."""


_SERVICES = {
    "getAdminService": "omero.api.IAdmin",
    "getConfigService": "omero.api.IConfig",
    "getContainerService": "omero.api.IContainer",
    "getLdapService": "omero.api.ILdap",
    "getPixelsService": "omero.api.IPixels",
    "getProjectionService": "omero.api.IProjection",
    "getQueryService": "omero.api.IQuery",
    "getRenderingSettingsService": "omero.api.IRenderingSettings",
    "getRepositoryInfoService": "omero.api.IRepositoryInfo",
    "getRoiService": "omero.api.IRoi",
    "getScriptService": "omero.api.IScript",
    "getSessionService": "omero.api.ISession",
    "getShareService": "omero.api.IShare",
    "getTimelineService": "omero.api.ITimeline",
    "getTypesService": "omero.api.ITypes",
    "getUpdateService": "omero.api.IUpdate",
    "getMetadataService": "omero.api.IMetadata",
    "createExporter": "omero.api.Exporter",
    "createJobHandle": "omero.api.JobHandle",
    "createRawFileStore": "omero.api.RawFileStore",
    "createRawPixelsStore": "omero.api.RawPixelsStore",
    "createRenderingEngine": "omero.api.RenderingEngine",
    "createSearchService": "omero.api.Search",
    "createThumbnailStore": "omero.api.ThumbnailStore",
}


def _skeleton(name: str) -> Any | None:
    package, _, short = name.rpartition(".")
    modules = {"omero.api": omero.api, "omero.grid": omero.grid}
    return getattr(modules.get(package), short, None)
