rule orders:
    """take pending orders and show the state of all"""
    log:
        f"{RESULTS}/logs/orders.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    message:
        "Looking for orders"
    script:
        "../scripts/orders.py"
