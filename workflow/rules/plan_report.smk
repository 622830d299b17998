rule plan_report:
    """show what a run would do, row by row"""
    log:
        f"{RESULTS}/logs/plan_report.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    message:
        "Working out what a run would do, row by row"
    script:
        "../scripts/plan_report.py"
