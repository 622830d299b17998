rule rollback:
    log:
        f"{RESULTS}/logs/rollback.log",
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/rollback.py"
