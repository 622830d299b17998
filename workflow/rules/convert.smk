rule convert:
    input:
        plan=PLAN_FILE,
    output:
        records("convert"),
    log:
        log_file("convert"),
    conda:
        "../../envs/ingest.yaml"
    params:
        last_failure=last_failure_from("convert"),
    script:
        "../scripts/convert.py"
