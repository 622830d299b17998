# The embedded OMERO server runs as long as this Snakemake process does.

from omero_embedded.launch import start_server

EMBEDDED = []


onstart:
    if workflow.is_main_process and CONFIG.omero.embedded:
        EMBEDDED.append(start_server(CONFIG.omero.embedded_folder, CONFIG.omero.embedded_users))


onsuccess:
    finish()


onerror:
    finish()
