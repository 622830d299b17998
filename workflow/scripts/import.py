from ingest.runner import run_stage
from ingest.stages.importing import STAGE

run_stage(STAGE, snakemake)
