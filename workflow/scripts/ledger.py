from ingest.ledger.ledger import rebuild
from ingest.runner import tool

with tool(snakemake) as context:
    rebuild(context)
