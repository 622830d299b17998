rule audit:
    log:
        f"{RESULTS}/logs/audit.log",
    conda:
        "../../envs/ingest.yaml"
    threads: 4
    script:
        "../scripts/audit.py"
