"""omero::api::IConfig."""

from __future__ import annotations

import time
from typing import Any

from omero.rtypes import rtime

from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

VERSION = "5.6.15"
# What omero-py, OMERO.web's gateway and the importer ask for, with OMERO.server's defaults.
_CLIENT_DEFAULTS = {
    "omero.client.icetransports": "ssl,tcp",
    "omero.client.download_as.max_size": "144000000",
    "omero.client.scripts_to_ignore": "",
    "omero.client.ui.menu.dropdown.colleagues.label": "Members",
    "omero.client.ui.menu.dropdown.everyone.enabled": "true",
    "omero.client.ui.menu.dropdown.everyone.label": "All Members",
    "omero.client.ui.menu.dropdown.leaders.label": "Owners",
    "omero.client.ui.tree.orphans.name": "Orphaned Images",
    "omero.client.ui.tree.orphans.enabled": "true",
    "omero.client.ui.tree.orphans.description": "",
    "omero.client.viewer.initial_zoom_level": "0",
    "omero.client.viewer.interpolate_pixels": "true",
    "omero.client.viewer.roi_limit": "2000",
    "omero.client.web.host": "",
}
_SERVER_DEFAULTS = {
    "omero.version": VERSION,
    "omero.pixeldata.max_plane_width": "3192",
    "omero.pixeldata.max_plane_height": "3192",
    "omero.pixeldata.max_projection_bytes": "268435456",
    "omero.sessions.maximum": "0",
    "omero.sessions.timeout": "600000",
    "omero.policy.binary_access": "+read,+write,+image",
    "omero.qa.feedback": "",
    "omero.search.analyzer": "",
    "omero.upgrades.url": "",
    "omero.mail.config": "false",
}


class Config:
    """`router` is the address that clients may drop to when they want no SSL."""

    def __init__(self, database_uuid: str, router: str) -> None:
        self._database_uuid = database_uuid
        self._values = {**_CLIENT_DEFAULTS, **_SERVER_DEFAULTS, "omero.router.insecure": router}

    def getVersion(self, call: Call) -> str:
        return VERSION

    def getConfigValue(self, call: Call, key: str) -> str:
        return self._values.get(key, "")

    def getConfigValues(self, call: Call, pattern: str) -> dict[str, str]:
        prefix = pattern.replace("\\", "").rstrip(".*^$").lstrip("^")
        return {key: value for key, value in self._values.items() if key.startswith(prefix)}

    def getConfigDefaults(self, call: Call) -> dict[str, str]:
        return {**_CLIENT_DEFAULTS, **_SERVER_DEFAULTS}

    def getClientConfigDefaults(self, call: Call) -> dict[str, str]:
        return dict(_CLIENT_DEFAULTS)

    def getClientConfigValues(self, call: Call) -> dict[str, str]:
        return dict(_CLIENT_DEFAULTS)

    def setConfigValue(self, call: Call, key: str, value: str) -> None:
        raise errors.security("the embedded server's configuration cannot be changed by clients")

    def setConfigValueIfEquals(self, call: Call, key: str, value: str, test: str) -> bool:
        raise errors.security("the embedded server's configuration cannot be changed by clients")

    def getDatabaseUuid(self, call: Call) -> str:
        return self._database_uuid

    def getDatabaseTime(self, call: Call) -> Any:
        return rtime(time.time() * 1000)

    def getServerTime(self, call: Call) -> Any:
        return rtime(time.time() * 1000)
