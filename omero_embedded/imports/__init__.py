"""From verified files to images in OMERO: what Bio-Formats reads becomes model objects."""
