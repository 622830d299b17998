"""OMERO's managed repository, as the server serves it and as this machine mounts it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import omero.all
import omero.grid

from ingest.context import Context
from ingest.digests import OMERO_ALGORITHMS
from ingest.fileset import StageError
from ingest.omero.fileset_graph import checksum_algorithm
from ingest.omero.session import Session


@dataclass(frozen=True)
class ManagedRepository:
    """`proxy` is the server's side; `mount` the folder where this machine has the same files."""

    proxy: Any
    mount: Path
    checked_algorithms: set[str] = field(default_factory=set, compare=False)

    def locate(self, path: str, name: str) -> Path:
        """Where the original file of this path and name in the repository lies on this machine.

        Raises StageError for a place that is not in the repository.
        """
        parts = [part for part in path.split("/") if part]
        if ".." in parts or name in ("", ".", "..") or "/" in name:
            raise StageError(
                f"OMERO names a file outside of its managed repository: {path}{name}",
                "Nothing was written there. Ask the server's administrator what is wrong with it.",
            )
        return self.mount.joinpath(*parts, name)

    def negotiated_algorithm(self) -> str:
        """Murmur3-128 where the server computes it, else the algorithm that it prefers."""
        wanted = [["Murmur3-128"], OMERO_ALGORITHMS]
        for names in wanted:
            suggested = self.proxy.suggestChecksumAlgorithm(
                [checksum_algorithm(name) for name in names]
            )
            if suggested is not None:
                return str(suggested.getValue().getValue())
        raise StageError(
            "this OMERO server computes none of OMERO's checksums",
            "Ask its administrator: omero.checksum.supported names those it computes.",
        )

    def check_algorithm(self, name: str) -> None:
        """Raises StageError unless the server computes digests by this algorithm."""
        if name in self.checked_algorithms:
            return
        if self.proxy.suggestChecksumAlgorithm([checksum_algorithm(name)]) is None:
            offered = [
                algorithm.getValue().getValue() for algorithm in self.proxy.listChecksumAlgorithms()
            ]
            raise StageError(
                f"this OMERO server does not compute {name} checksums",
                "Set checksum.algorithm (or the row's checksum_algorithm) to auto, or to one that "
                f"it offers: {', '.join(offered)}.",
            )
        self.checked_algorithms.add(name)


@lru_cache(maxsize=1)
def _negotiated(session: Session) -> str:
    return open_repository(session, None).negotiated_algorithm()


def negotiated_algorithm(context: Context) -> str:
    """The algorithm for a row that names none, asked once in a job."""
    with context.sessions.using() as session:
        return _negotiated(session)


def open_repository(session: Session, mount: Path | None) -> ManagedRepository:
    """The server's managed repository; `mount` is where it lies here when not at its own path."""
    if session not in _opened:
        _opened[session] = _find_repository(session)
    found = _opened[session]
    return replace(found, mount=mount) if mount else found


# Each look takes four calls, and a session's repository stays the same.
_opened: WeakKeyDictionary[Session, ManagedRepository] = WeakKeyDictionary()


def _find_repository(session: Session) -> ManagedRepository:
    proxies = session.factory.sharedResources().repositories().proxies
    for candidate in filter(None, proxies):
        proxy = omero.grid.ManagedRepositoryPrx.checkedCast(candidate)
        if proxy:
            root = proxy.root()
            path = Path(root.getPath().getValue()) / root.getName().getValue()
            return ManagedRepository(proxy, path)
    raise StageError(
        f"OMERO at {session.server} has no managed repository",
        "Ask the server's administrator: imports need one.",
    )
