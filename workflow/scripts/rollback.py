from ingest.runner import tool
from ingest.undo.rollback import rollback

with tool(snakemake, ".json", ".csv") as context:
    rollback(context)
