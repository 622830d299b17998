from ingest.runner import tool
from ingest.status.status import status

with tool(snakemake) as context:
    status(context)
