from ingest.runner import run_stage
from ingest.stages.checksum import STAGE

run_stage(STAGE, snakemake)
