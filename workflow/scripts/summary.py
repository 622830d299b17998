from pathlib import Path

from ingest.closing import write_results
from ingest.runner import job

with job(snakemake) as context:
    write_results(context, Path(snakemake.params.snakefile))
