from ingest.doctor.doctor import doctor
from ingest.runner import tool

with tool(snakemake) as context:
    doctor(context)
