from ingest.runner import tool
from ingest.undo.relink import relink

with tool(snakemake) as context:
    relink(context)
