from ingest.metadata.job import put_metadata
from ingest.runner import job

with job(snakemake) as context:
    put_metadata(context)
