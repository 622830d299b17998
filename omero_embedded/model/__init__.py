"""OMERO's model, generic over the type information that omero-py carries."""
