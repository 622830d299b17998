rule transfer:
    input:
        plan=PLAN_FILE,
        upstream=records("checksum"),
    output:
        records("transfer"),
    log:
        log_file("transfer"),
    conda:
        "../../envs/ingest.yaml"
    params:
        settings=settings("transfer"),
        last_failure=last_failure_from("transfer"),
    script:
        "../scripts/transfer.py"
