from ingest.audit.audit import audit
from ingest.runner import tool

with tool(snakemake) as context:
    audit(context)
