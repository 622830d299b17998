from ingest.orders.orders import orders
from ingest.runner import tool

with tool(snakemake) as context:
    orders(context)
