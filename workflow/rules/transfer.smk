rule transfer:
    input:
        plan=PLAN_FILE,
        upstream=records("checksum"),
    output:
        records("transfer"),
    log:
        log_file("transfer"),
    params:
        settings=settings("transfer"),
        last_failure=last_failure_from("transfer"),
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/transfer.py"
