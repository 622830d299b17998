"""The embedded OMERO server: for rehearsal, demonstrations and tests; no substitute for OMERO."""
