rule orders:
    log:
        f"{RESULTS}/logs/orders.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/orders.py"
