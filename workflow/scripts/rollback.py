from ingest.runner import tool
from ingest.undo.rollback import rollback

with tool(snakemake) as context:
    rollback(context)
