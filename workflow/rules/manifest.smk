rule manifest:
    """scan the drop folders once"""
    log:
        f"{RESULTS}/logs/manifest.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    message:
        "Scanning the drop folders"
    script:
        "../scripts/manifest.py"
