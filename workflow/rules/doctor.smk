rule doctor:
    """check login, rights, mounts and storage before a run"""
    log:
        f"{RESULTS}/logs/doctor.log",
    retries: 0
    conda:
        "../../envs/ingest.yaml"
    message:
        "Checking login, rights, mounts and storage"
    script:
        "../scripts/doctor.py"
