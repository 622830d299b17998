rule audit:
    """compare OMERO, the journal and the disks"""
    log:
        f"{RESULTS}/logs/audit.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    threads: 4
    message:
        "Comparing OMERO, the journal and the disks"
    script:
        "../scripts/audit.py"
