rule convert:
    input:
        plan=PLAN_FILE,
    output:
        records("convert"),
    log:
        log_file("convert"),
    params:
        last_failure=last_failure_from("convert"),
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/convert.py"
