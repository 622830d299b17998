rule status:
    """show where everything stands"""
    log:
        f"{RESULTS}/logs/status.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    message:
        "Reading where everything stands"
    script:
        "../scripts/status.py"
