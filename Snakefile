# Batch in-place ingestion of filesets into OMERO: manifest.csv -> plan -> convert -> checksum ->
# transfer -> import -> annotate -> summary. docs/architecture.md says why it is built this way.

from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/configuration.smk"


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/convert.smk"
include: "workflow/rules/checksum.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/transfer.smk"
include: "workflow/rules/import.smk"
include: "workflow/rules/annotate.smk"
include: "workflow/rules/metadata.smk"
include: "workflow/rules/summary.smk"
include: "workflow/rules/slurm.smk"
include: "workflow/rules/doctor.smk"
include: "workflow/rules/plan_report.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/relink.smk"
include: "workflow/rules/rollback.smk"
include: "workflow/rules/manifest.smk"
include: "workflow/rules/orders.smk"
include: "workflow/rules/status.smk"
include: "workflow/rules/ledger.smk"
include: "workflow/rules/run.smk"


localrules:
    all,
    targets,
    summary,
    verdict,
    relink,
    rollback,
    doctor,
    plan_report,
    audit,
    manifest,
    orders,
    status,
    ledger,


rule all:
    """import the manifest (the default)"""
    default_target: True
    input:
        f"{RESULTS}/complete",
