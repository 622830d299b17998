rule relink:
    log:
        f"{RESULTS}/logs/relink.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    threads: 4
    script:
        "../scripts/relink.py"
