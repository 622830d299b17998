"""Batch in-place ingestion into OMERO: the library behind the workflow's rules."""
