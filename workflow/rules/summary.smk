rule summary:
    input:
        index=f"{RESULTS}/plan/index.json",
        records=expand(records("annotate"), batch=PLAN.batches),
    output:
        table=f"{RESULTS}/imported.csv",
        report=f"{RESULTS}/report.html",
        crate=f"{RESULTS}/ro-crate-metadata.json",
    log:
        f"{RESULTS}/logs/summary.log",
    params:
        settings=settings("omero", "report"),
    resources:
        omero=1,
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/summary.py"


# Fails the run when a fileset failed. Snakemake removes the outputs of a rule that fails, so this
# one owns nothing but its own text; the table and the report stay.
rule verdict:
    input:
        table=f"{RESULTS}/imported.csv",
    output:
        f"{RESULTS}/verdict.txt",
    log:
        f"{RESULTS}/logs/verdict.log",
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/verdict.py"
