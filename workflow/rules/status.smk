rule status:
    log:
        f"{RESULTS}/logs/status.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/status.py"
