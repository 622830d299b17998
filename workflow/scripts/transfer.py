from ingest.runner import run_stage
from ingest.stages.transfer import STAGE

run_stage(STAGE, snakemake)
