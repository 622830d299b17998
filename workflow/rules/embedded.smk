# The embedded OMERO server runs as long as this Snakemake process does.

from contextlib import ExitStack

EMBEDDED = ExitStack()


onstart:
    if workflow.is_main_process and CONFIG.omero.embedded:
        from omero_embedded.companion import server_for

        omero = CONFIG.omero
        EMBEDDED.enter_context(server_for(omero.embedded_folder, omero.embedded_users))


onsuccess:
    EMBEDDED.close()
    tell_verdict()


onerror:
    EMBEDDED.close()
    tell_verdict()
