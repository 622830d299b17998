from ingest.plan_report.plan_report import plan_report
from ingest.runner import tool

with tool(snakemake, ".csv", ".html") as context:
    plan_report(context)
