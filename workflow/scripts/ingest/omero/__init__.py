"""OMERO's API as a client speaks it: login, targets, import, annotations, queries."""
