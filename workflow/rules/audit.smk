rule audit:
    log:
        f"{RESULTS}/logs/audit.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    threads: 4
    script:
        "../scripts/audit.py"
