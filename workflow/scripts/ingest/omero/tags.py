"""Tags: one of a text is used again when there is one, and made otherwise."""

from __future__ import annotations

from typing import Any

import omero.all
import omero.model
from omero.rtypes import rstring

from ingest.omero import queries
from ingest.omero.made_once import found_or_made
from ingest.omero.session import Session


def resolve_tag(session: Session, text: str) -> int:
    """The id of the oldest tag of this text in the session's group that the user may link."""
    return found_or_made(
        session, f"Tag:{text}", lambda: _oldest(session, text), lambda: _create(session, text)
    )


def _oldest(session: Session, text: str) -> int | None:
    for tag in queries.tags(session, text):
        if tag.getDetails().getPermissions().canAnnotate():
            return int(tag.getId().getValue())
    return None


def _create(session: Session, text: str) -> int:
    tag = omero.model.TagAnnotationI()
    tag.setTextValue(rstring(text))
    return int(session.save([tag])[0].getId().getValue())


def unloaded_tag(tag_id: int) -> Any:
    return omero.model.TagAnnotationI(tag_id, False)
