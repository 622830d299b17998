"""Whether a fileset is a plate: known before its import, because only a Screen takes plates."""

from __future__ import annotations

from ingest.context import Context
from ingest.source_errors import unreadable


def is_plate(path: str, context: Context) -> bool | None:
    """Whether the fileset whose first file is `path`, or the one in the folder `path`, is a plate.

    Bio-Formats is asked (and its JVM started) only where name and OME-XML leave it open. None when
    it cannot tell: the server may know the format. Raises StageError for a file that cannot be
    read at all.
    """
    import imageformats

    try:
        if imageformats.cannot_be_plate(path):
            return False
        return imageformats.resolve(path, context.grouping)[0].is_plate
    except imageformats.UnreadableImage:
        return None
    except OSError as error:
        raise unreadable(error.filename or path, error) from None
