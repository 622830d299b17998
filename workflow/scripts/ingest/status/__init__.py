"""`snakemake status`: where everything stands, also while runs are in progress."""
