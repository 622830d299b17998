# Accounts, targets and tags are looked up or made by one job (two at once would make two of the same
# name), before any file moves. Rules that read the file take it as ancient: a new row makes it new,
# which is no reason to import the earlier rows again.
rule targets:
    """find or make accounts, targets and tags in OMERO"""
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
    message:
        "Finding or making accounts, targets and tags in OMERO"
    script:
        "../scripts/targets.py"
