"""Thumbnails of images, as OMERO's ThumbnailStore has them."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence

import omero
import omero.all
from omero.rtypes import rint

from ingest.chunks import in_chunks
from ingest.omero import queries
from ingest.omero.session import Session

log = logging.getLogger("ingest")

_AT_ONCE = 50  # thumbnails per call


def fetch_thumbnails(
    session: Session, image_ids: Sequence[int], longest_side: int = 96
) -> dict[int, bytes]:
    """JPEG files by image id. An image that has none, or may not be read, is left out.

    `longest_side` is in pixels.
    """
    by_group: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for image, pixels, group in queries.pixels_of_images(session, list(image_ids)):
        by_group[group].append((pixels, image))
    thumbnails: dict[int, bytes] = {}
    for group, found in by_group.items():
        for some in in_chunks(found, _AT_ONCE):
            thumbnails.update(_fetch(session, group, dict(some), longest_side))
    return thumbnails


def _fetch(
    session: Session, group: int, images: dict[int, int], longest_side: int
) -> dict[int, bytes]:
    """Thumbnails of images of one group; `images` has image ids by pixels id."""
    context = session.context(**{"omero.group": str(group)})
    store = session.factory.createThumbnailStore()
    try:
        jpegs = store.getThumbnailByLongestSideSet(rint(longest_side), list(images), context)
    except omero.ServerError as error:
        log.warning("OMERO made no thumbnails of %d images: %s", len(images), error.message)
        return {}
    finally:
        store.close()
    return {images[pixels]: bytes(jpeg) for pixels, jpeg in jpegs.items() if jpeg}
