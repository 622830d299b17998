rule summary:
    """write the tables, the report and the RO-Crate"""
    input:
        index=f"{RESULTS}/plan/index.json",
        records=expand(records("annotate"), batch=PLAN.batches),
        metadata=f"{RESULTS}/metadata.txt" if CONFIG.metadata.is_used else [],
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


# Fails the run when a fileset failed. Snakemake removes the outputs of a rule that fails, so this
# one owns nothing but a mark; the table and the report stay.
# What the table is made of is named here too: Snakemake does not make anew what a failed job left
# out, as long as all that is made of it is there.
rule verdict:
    """fail the run if a fileset failed"""
    input:
        table=f"{RESULTS}/imported.csv",
        records=expand(records("annotate"), batch=PLAN.batches),
        metadata=f"{RESULTS}/metadata.txt" if CONFIG.metadata.is_used else [],
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
