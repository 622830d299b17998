from ingest.omero.targets import resolve_all
from ingest.plan import load_index
from ingest.runner import job

with job(snakemake) as context:
    plan = context.results / "plan"
    batches = load_index(context.results).batches
    resolve_all([plan / f"{batch}.jsonl" for batch in batches], context)
