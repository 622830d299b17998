rule manifest:
    log:
        f"{RESULTS}/logs/manifest.log",
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/manifest.py"
