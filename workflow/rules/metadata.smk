from ingest.metadata.beside import tables_beside
from ingest.metadata.put_before import is_wanted

# What the ends of a run wait for.
METADATA = [f"{RESULTS}/metadata.txt"] if is_wanted(CONFIG.metadata, CONFIG.results) else []


# One job for the whole manifest: only it can tell that a table's row matches nothing, or two objects.
rule metadata:
    """put tables of metadata into OMERO"""
    input:
        records=expand(records("annotate"), batch=PLAN.batches),
        tables=[str(path) for path in CONFIG.metadata.tables],
        beside=lambda wildcards: tables_beside(CONFIG.results, PLAN.batches, CONFIG.metadata.beside),
    output:
        table=f"{RESULTS}/metadata.csv",
        words=f"{RESULTS}/metadata.txt",
    log:
        f"{RESULTS}/logs/metadata.log",
    conda:
        "../../envs/ingest.yaml"
    resources:
        omero=1,
    params:
        settings=settings("omero", "annotate", "metadata"),
    message:
        "Putting the tables of metadata into OMERO"
    script:
        "../scripts/metadata.py"
