rule doctor:
    log:
        f"{RESULTS}/logs/doctor.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/doctor.py"
