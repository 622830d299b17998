"""Which part of the clients' paths is kept in the repository."""

from __future__ import annotations

from collections.abc import Sequence

import imageformats
from omero_embedded.repository.template import safe_component
from omero_embedded.wire.requestlog import LOG

# Without a word from the reader OMERO keeps the name and three folders of the shortest path.
_KEPT = 4


def trimmed(client_paths: Sequence[str], reader: str) -> list[str]:
    """The paths relative to the fileset's folder, with "/", every component safe.

    `reader` is the Java class that the client found the files with, "" when it did not say.
    """
    split = [[safe_component(c) for c in path.split("/") if c] for path in client_paths]
    shared = _shared_folders(split)
    required = _required_folders(client_paths, reader)
    if required is None:
        dropped = max(0, min(len(path) for path in split) - _KEPT)
    else:
        dropped = max(0, shared - required)
    dropped = min(dropped, shared)
    return ["/".join(path[dropped:]) for path in split]


def _shared_folders(paths: Sequence[Sequence[str]]) -> int:
    """How many leading folders all paths have in common."""
    count = 0
    for level in zip(*(path[:-1] for path in paths), strict=False):
        if len(set(level)) > 1:
            break
        count += 1
    return count


def _required_folders(client_paths: Sequence[str], reader: str) -> int | None:
    if not reader:
        return None
    try:
        return imageformats.required_directories(
            ["/" + p.lstrip("/") for p in client_paths], reader
        )
    except (ValueError, imageformats.UnreadableImage) as error:
        # The client's paths need not exist here, and its reader may be one that is unknown here.
        LOG.info("paths are trimmed without the reader's word: %s", error)
        return None
