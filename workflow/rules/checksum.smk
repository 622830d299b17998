rule checksum:
    input:
        plan=PLAN_FILE,
        upstream=records("convert"),
    output:
        records("checksum"),
    log:
        log_file("checksum"),
    conda:
        "../../envs/ingest.yaml"
    params:
        settings=settings("checksum"),
        last_failure=last_failure_from("checksum"),
    script:
        "../scripts/checksum.py"
