"""OMERO's services: each module has the methods of one Slice interface of omero::api."""
