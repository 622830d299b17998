from ingest.runner import tool
from ingest.undo.relink import relink

with tool(snakemake, ".json", ".csv") as context:
    relink(context)
