# Targets and tags are made once, by one job: two jobs at once would make two of the same name.
rule targets:
    input:
        f"{RESULTS}/plan/index.json",
    output:
        f"{RESULTS}/targets.json",
    log:
        f"{RESULTS}/logs/targets.log",
    conda:
        "../../envs/ingest.yaml"
    resources:
        omero=1,
    params:
        settings=settings("omero"),
        tags=CONFIG.annotate.tags,
        last_failure=FAILURES.at("targets"),
    script:
        "../scripts/targets.py"


rule import_filesets:
    input:
        plan=PLAN_FILE,
        upstream=records("transfer"),
        # A new row makes this file new; that is no reason to import the earlier rows again.
        targets=ancient(f"{RESULTS}/targets.json"),
    output:
        records("import"),
    log:
        log_file("import"),
    conda:
        "../../envs/ingest.yaml"
    resources:
        omero=1,
    params:
        settings=settings("omero", "importing"),
        last_failure=last_failure_from("import"),
    script:
        "../scripts/import.py"
