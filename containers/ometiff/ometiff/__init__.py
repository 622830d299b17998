"""Pyramidal, tiled, losslessly compressed OME-TIFF from anything that Bio-Formats reads."""

VERSION = "1.0"
CREATOR = f"omero-ingest ometiff {VERSION}"
