rule relink:
    """point OMERO's links to where storage was moved"""
    log:
        f"{RESULTS}/logs/relink.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    threads: 4
    message:
        "Looking at OMERO's links"
    script:
        "../scripts/relink.py"
