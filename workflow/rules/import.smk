rule import_filesets:
    """import filesets into OMERO and verify them"""
    input:
        plan=PLAN_FILE,
        upstream=records("transfer"),
        targets=ancient(f"{RESULTS}/targets.json"),
    output:
        records("import"),
    log:
        log_file("import"),
    conda:
        "../../envs/ingest.yaml"
    resources:
        **needs("import"),
        omero=1,
    params:
        settings=settings("omero", "importing"),
        last_failure=last_failure_from("import"),
    message:
        job_title("import")
    shell:
        stage_job("import")
