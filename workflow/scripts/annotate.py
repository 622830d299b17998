from ingest.runner import run_stage
from ingest.stages.annotate import STAGE

run_stage(STAGE, snakemake)
