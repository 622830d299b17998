rule convert:
    """find out which files belong to each fileset, and run its converter"""
    input:
        plan=PLAN_FILE,
    output:
        records("convert"),
    log:
        log_file("convert"),
    conda:
        "../../envs/ingest.yaml"
    # As many as the most demanding converter: which one a batch needs is not known here.
    threads: max((each.cpus for each in CONFIG.converters.values()), default=1)
    resources:
        **needs("convert", CONFIG.converters.values()),
    params:
        store=str(CONFIG.convert.store or CONFIG.transfer.store) if CONFIG.converters else None,
        converters={
            name: {**each.deciding(), "parameters": each.parameters}
            for name, each in CONFIG.converters.items()
        },
        last_failure=last_failure_from("convert"),
    message:
        job_title("convert")
    shell:
        stage_job("convert")
