rule annotate:
    input:
        plan=PLAN_FILE,
        upstream=records("import"),
        targets=ancient(f"{RESULTS}/targets.json"),
    output:
        records("annotate"),
    log:
        log_file("annotate"),
    params:
        settings=settings("omero", "annotate"),
        last_failure=last_failure_from("annotate"),
    resources:
        omero=1,
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/annotate.py"
