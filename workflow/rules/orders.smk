rule orders:
    log:
        f"{RESULTS}/logs/orders.log",
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/orders.py"
