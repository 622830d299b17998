from ingest.doctor.doctor import doctor
from ingest.runner import tool

with tool(snakemake, ".json") as context:
    doctor(context)
