rule annotate:
    """add tags, key-value pairs and the source to what was imported"""
    input:
        plan=PLAN_FILE,
        upstream=records("import"),
        targets=ancient(f"{RESULTS}/targets.json"),
    output:
        records("annotate"),
    log:
        log_file("annotate"),
    conda:
        "../../envs/ingest.yaml"
    resources:
        **needs("annotate"),
        omero=1,
    params:
        settings=settings("omero", "annotate"),
        last_failure=last_failure_from("annotate"),
    message:
        job_title("annotate")
    shell:
        stage_job("annotate")
