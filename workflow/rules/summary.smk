rule summary:
    """write the tables, the report and the RO-Crate"""
    input:
        index=f"{RESULTS}/plan/index.json",
        records=expand(records("annotate"), batch=PLAN.batches),
        metadata=METADATA,
    output:
        table=f"{RESULTS}/imported.csv",
        inventory=f"{RESULTS}/inventory.txt",
        verdict=f"{RESULTS}/verdict.txt",
        report=f"{RESULTS}/report.html",
        crate=f"{RESULTS}/ro-crate-metadata.json",
    log:
        f"{RESULTS}/logs/summary.log",
    conda:
        "../../envs/ingest.yaml"
    resources:
        omero=1,
    params:
        settings=settings("omero", "report"),
        snakefile=workflow.main_snakefile,
    message:
        "Writing the tables and the report"
    script:
        "../scripts/summary.py"


# Snakemake removes the outputs of a rule that fails, so this one owns only a marker file; the table
# and the report stay. The table's own inputs are named here too: Snakemake does not remake what a
# failed job left out as long as everything made from it exists.
rule verdict:
    """fail the run if a fileset failed"""
    input:
        table=f"{RESULTS}/imported.csv",
        records=expand(records("annotate"), batch=PLAN.batches),
        metadata=METADATA,
    output:
        touch(f"{RESULTS}/complete"),
    log:
        f"{RESULTS}/logs/verdict.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    message:
        "Checking that every fileset succeeded"
    script:
        "../scripts/verdict.py"
