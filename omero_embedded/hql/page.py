"""Which part of an answer is wanted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """Where to begin and how many, of omero.sys.Filter. Its owner and group play no part in
    OMERO's answers to queries."""

    offset: int | None = None
    limit: int | None = None
