rule relink:
    log:
        f"{RESULTS}/logs/relink.log",
    conda:
        "../../envs/ingest.yaml"
    threads: 4
    script:
        "../scripts/relink.py"
