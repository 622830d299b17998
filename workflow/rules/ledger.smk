rule ledger:
    log:
        f"{RESULTS}/logs/ledger.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/ledger.py"
