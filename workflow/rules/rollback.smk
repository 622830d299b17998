rule rollback:
    """remove the manifest's imports from OMERO"""
    log:
        f"{RESULTS}/logs/rollback.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    message:
        "Looking for this manifest's imports in OMERO"
    script:
        "../scripts/rollback.py"
