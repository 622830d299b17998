"""Which part of an answer is wanted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """omero.sys.Filter: where to begin and how many, and whose.

    As in OMERO.server, owner and group narrow a service's own listings (IContainer's), but play no
    part in the answer to a query in HQL.
    """

    offset: int | None = None
    limit: int | None = None
    owner_id: int | None = None
    group_id: int | None = None
