rule doctor:
    log:
        f"{RESULTS}/logs/doctor.log",
    conda:
        "../../envs/ingest.yaml"
    script:
        "../scripts/doctor.py"
