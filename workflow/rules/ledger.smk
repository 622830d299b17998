rule ledger:
    """rebuild the database of all runs"""
    log:
        f"{RESULTS}/logs/ledger.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    message:
        "Rebuilding the database of all runs"
    script:
        "../scripts/ledger.py"
