rule checksum:
    """compute digests and compare them with the manifest's"""
    input:
        plan=PLAN_FILE,
        upstream=records("convert"),
    output:
        records("checksum"),
    log:
        log_file("checksum"),
    conda:
        "../../envs/ingest.yaml"
    threads: cpus("checksum")
    resources:
        **needs("checksum"),
    params:
        # Those of the later stages too: while `targets` is to run, Snakemake does not check the jobs
        # behind it, and then skips them because their input from it is ancient.
        settings=settings("checksum", "transfer", "omero", "importing", "annotate"),
        last_failure=last_failure_from("checksum"),
    message:
        job_title("checksum")
    shell:
        stage_job("checksum")
