"""omero.sys.Parameters as the store takes them."""

from __future__ import annotations

from typing import Any

from omero.rtypes import unwrap

from omero_embedded.store import Page


def plain_map(parameters: Any) -> dict[str, Any]:
    """The named parameters, as rtypes."""
    return dict(parameters.map or {}) if parameters is not None else {}


def page_of(only: Any) -> Page | None:
    """omero.sys.Filter as a page."""
    if only is None:
        return None
    return Page(
        offset=unwrap(only.offset),
        limit=unwrap(only.limit),
        owner_id=unwrap(only.ownerId),
        group_id=unwrap(only.groupId),
    )


def option(parameters: Any, name: str) -> bool:
    """A flag of omero.sys.Options."""
    options = parameters.theOptions if parameters is not None else None
    return bool(unwrap(getattr(options, name))) if options is not None else False
