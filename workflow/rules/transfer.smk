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
        # Those of the stages after it, too: when `targets` runs, Snakemake asks nothing more of the
        # jobs behind it, and then passes them over because their input from it is ancient.
        settings=settings("transfer", "omero", "importing", "annotate"),
        last_failure=last_failure_from("transfer"),
    script:
        "../scripts/transfer.py"
