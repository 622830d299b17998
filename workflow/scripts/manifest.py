from ingest.drop.way_in import manifest
from ingest.runner import tool

with tool(snakemake) as context:
    manifest(context)
