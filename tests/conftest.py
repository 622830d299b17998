from hypothesis import settings

# No deadline: how long an example takes says more about the machine than about the code.
settings.register_profile("omero-ingest", deadline=None, max_examples=50)
settings.load_profile("omero-ingest")
