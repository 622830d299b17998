"""Which part of an answer is wanted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """omero.sys.Filter: where to begin, how many, and whose (None: as far as permissions go)."""

    offset: int | None = None
    limit: int | None = None
    owner_id: int | None = None
    group_id: int | None = None
