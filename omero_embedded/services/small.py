"""Services of which clients need a few operations: IRoi, ILdap, IShare, IScript..."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import omero
import omero.api

from omero_embedded.sessions.acting import actor_of
from omero_embedded.store import Store
from omero_embedded.wire.servants import Call

_ROIS = "select distinct r from Roi r left outer join fetch r.shapes"


class Roi:
    def __init__(self, store: Store) -> None:
        self._store = store

    def findByImage(self, call: Call, image_id: int, options: Any) -> Any:
        return self._result(call, "r.image.id = :id", image_id)

    def findByRoi(self, call: Call, roi_id: int, options: Any) -> Any:
        return self._result(call, "r.id = :id", roi_id)

    def _result(self, call: Call, condition: str, object_id: int) -> Any:
        with self._store.read(actor_of(call)) as work:
            rois = work.query(f"{_ROIS} where {condition} order by r.id", {"id": object_id})
        return omero.api.RoiResult(opts=None, rois=rois)


class Ldap:
    """There is no directory: every user is the store's own."""

    def getSetting(self, call: Call) -> bool:
        return False


class Share:
    """Shares are long gone from OMERO's clients, which still ask for them."""

    def getOwnShares(self, call: Call, active: bool) -> list[Any]:
        return []

    def getMemberShares(self, call: Call, active: bool) -> list[Any]:
        return []


class RepositoryInfo:
    def __init__(self, root: Path) -> None:
        self._root = root

    def getUsedSpaceInKilobytes(self, call: Call) -> int:
        return shutil.disk_usage(self._root).used // 1024

    def getFreeSpaceInKilobytes(self, call: Call) -> int:
        return shutil.disk_usage(self._root).free // 1024

    def getUsageFraction(self, call: Call) -> float:
        usage = shutil.disk_usage(self._root)
        return usage.used / usage.total

    def sanityCheckRepository(self, call: Call) -> None:
        return None


class Script:
    """No scripts are served, and none can be run."""

    def getScripts(self, call: Call) -> list[Any]:
        return []

    def getScriptsByMimetype(self, call: Call, mimetype: str) -> list[Any]:
        return []

    def getUserScripts(self, call: Call, acceptsList: list[Any]) -> list[Any]:
        return []
