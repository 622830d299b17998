from ingest.audit.audit import audit
from ingest.runner import tool

with tool(snakemake, ".json", ".csv") as context:
    audit(context)
