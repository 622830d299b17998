"""Bio-Formats: which files belong together, which reader, the OME metadata, planes.

Knows neither OMERO nor the workflow. Files are only ever read: nothing is written beside them.
"""

from imageformats.apart import grouping_apart
from imageformats.errors import TookTooLong, UnreadableImage
from imageformats.filesets import (
    FilesetFiles,
    Grouping,
    Scan,
    required_directories,
    resolve,
    scan,
)
from imageformats.jvm import version
from imageformats.model import ImageFileset
from imageformats.planes import PlaneReader, describe, open_planes
from imageformats.plates import cannot_be_plate
from imageformats.truncation import ends_early

__all__ = [
    "FilesetFiles",
    "Grouping",
    "ImageFileset",
    "PlaneReader",
    "Scan",
    "TookTooLong",
    "UnreadableImage",
    "cannot_be_plate",
    "describe",
    "ends_early",
    "grouping_apart",
    "open_planes",
    "required_directories",
    "resolve",
    "scan",
    "version",
]
