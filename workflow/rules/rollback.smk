rule rollback:
    log:
        f"{RESULTS}/logs/rollback.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/rollback.py"
