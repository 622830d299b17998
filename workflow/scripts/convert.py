from ingest.runner import run_stage
from ingest.stages.convert import STAGE

run_stage(STAGE, snakemake)
