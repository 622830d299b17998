rule plan_report:
    log:
        f"{RESULTS}/logs/plan_report.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/plan_report.py"
