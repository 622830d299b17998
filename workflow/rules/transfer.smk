rule transfer:
    """bring files into the permanent store"""
    input:
        plan=PLAN_FILE,
        upstream=records("checksum"),
        targets=ancient(f"{RESULTS}/targets.json"),
    output:
        records("transfer"),
    log:
        log_file("transfer"),
    conda:
        "../../envs/ingest.yaml"
    threads: cpus("transfer")
    resources:
        **needs("transfer"),
    params:
        settings=settings("transfer", "omero"),
        last_failure=last_failure_from("transfer"),
    message:
        job_title("transfer")
    shell:
        stage_job("transfer")
