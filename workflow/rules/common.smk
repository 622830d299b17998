# Configuration, plan and the helpers that every rule file uses.

import atexit
import gc
import inspect
import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from snakemake.common import overwrite_function_params
from snakemake.exceptions import WorkflowError
from snakemake.resources import Resource
from snakemake.settings.types import DeploymentMethod

# Planning makes millions of objects that all stay; searching them for garbage again and again takes
# a sixth of its time.
gc.set_threshold(1_000_000, 50, 100)

from ingest.bulk.files import is_bulk
from ingest.bulk.table import job_options
from ingest.config import ConfigError, load as load_config
from ingest.failures import last_failures
from ingest import job, job_needs, tool_words
from ingest.fileset import StageError
from ingest.manifest_problems import ManifestError
from ingest.metadata.columns import read_tables
from ingest.plan import NO_PLAN, PlanError, compile_plan, load_index

# Targets of their own, which need no plan; relink and rollback change what runs have made.
CHANGING_TOOLS = {"relink", "rollback"}
TOOLS = CHANGING_TOOLS | {
    "doctor",
    "plan_report",
    "audit",
    "manifest",
    "orders",
    "status",
    "ledger",
}
# Snakemake knows its targets only once all rules are read, which is too late for the plan.
ASKED_TOOLS = sorted(TOOLS & set(sys.argv[1:]))

try:
    CONFIG = load_config(config)
    if is_bulk(CONFIG.manifest) and not ASKED_TOOLS:
        # Jobs get the bulk file's options for them with the configuration.
        config |= {"import": {**(config.get("import") or {}), **job_options(CONFIG.manifest)}}
        CONFIG = load_config(config)
    if workflow.is_main_process and not ASKED_TOOLS:
        read_tables(CONFIG.metadata.tables)  # refused before anything is touched
    # Only the main process compiles the manifest; a job's process reads the small index.
    if ASKED_TOOLS:
        PLAN = NO_PLAN
    else:
        PLAN = compile_plan(CONFIG) if workflow.is_main_process else load_index(CONFIG.results)
except (ConfigError, ManifestError, PlanError) as error:
    raise WorkflowError(str(error)) from None
except StageError as error:
    raise WorkflowError(f"{error.cause}. Nothing was touched.\n{error.remedy}") from None
except OSError as error:
    raise WorkflowError(
        f"The plan cannot be written to the folder {CONFIG.results}: {error}. Set the option results "
        "to a writable folder on a disk with free space."
    ) from None

if workflow.is_main_process:
    for remark in PLAN.remarks:
        logger.warning(f"{CONFIG.manifest}: {remark}.")

RESULTS = str(CONFIG.results)
FAILURES = last_failures(CONFIG.results)
PLAN_FILE = f"{RESULTS}/plan/{{batch}}.jsonl"


wildcard_constraints:
    batch=r"[A-Za-z0-9._-]+",


def records(stage: str) -> str:
    return f"{RESULTS}/{stage}/{{batch}}.jsonl"


def log_file(stage: str) -> str:
    return f"{RESULTS}/logs/{stage}/{{batch}}.log"


def settings(*sections: str) -> dict[str, object]:
    """The options a rule's outcome depends on: Snakemake runs it again when one changes."""
    return {name: getattr(CONFIG, name).model_dump(mode="json") for name in sections}


# Stages' jobs get the configuration as it is here, including what the command line says.
os.environ |= {job.CONFIG: json.dumps(config, default=str)}
if workflow.is_main_process:
    files = map(os.path.relpath, workflow.config_settings.configfiles)
    os.environ |= {tool_words.CONFIG_FILES: shlex.join(files)}
HAS_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
PYTHON = "python" if HAS_CONDA else shlex.quote(sys.executable)


def job_title(stage: str) -> str:
    """What Snakemake shows of a job, in place of all its files and resources."""
    return f"{stage} {{wildcards.batch}}"


def stage_job(stage: str) -> str:
    """The command of a stage's rule. (Snakemake formats it three times for each job it plans.)"""
    files = "--input {input:q} --output {output:q} --log {log:q}"
    return f"{PYTHON} -m ingest.job {stage} --threads {{threads}} {files}"


def asked_once(function: Callable[..., object]) -> Callable[..., object]:
    """A rule's function with its parameters attached: Snakemake asks for those several times per job,
    and computing them takes longer than the function."""
    overwrite_function_params(function, inspect.signature(function).parameters)
    return function


# Through this it asks each rule's functions of resources.
asked_once(Resource.evaluate)


# On one machine jobs' minutes and memory are nobody's concern, unless memory is limited: asking for
# them is a tenth of a dry run. (Every executor of a cluster has a number of jobs, and its jobs get
# default resources; which executor it is cannot be known yet.)
ASKED_FOR = workflow.resource_settings
NEEDS_ARE_ASKED = (
    ASKED_FOR.nodes is not None
    or ASKED_FOR.default_resources is not None
    or ASKED_FOR.resources.keys() & {"mem_mb", "runtime"}
)


def needs(stage: str, *more: object) -> dict[str, Callable[..., object]]:
    """What a stage's rule says of its jobs' minutes and memory."""
    if not NEEDS_ARE_ASKED:
        return {}
    return {
        "runtime": asked_once(
            lambda wildcards, attempt: job_needs.minutes(
                stage, PLAN.batches[wildcards.batch], attempt, *more
            )
        ),
        "mem_mb": asked_once(
            lambda wildcards, attempt: job_needs.memory_mb(
                stage, PLAN.batches[wildcards.batch], attempt, *more
            )
        ),
    }


def cpus(stage: str) -> Callable[..., object]:
    return asked_once(
        lambda wildcards, attempt: job_needs.cpus(stage, PLAN.batches[wildcards.batch], attempt)
    )


def last_failure_from(stage: str) -> Callable[..., object]:
    """When a fileset of the batch last failed, at this stage or a later one.

    A new failure is a new value, so Snakemake's params trigger runs these stages again. The stages
    before the one that failed are among them because the repair may have changed the files; what
    they did for the other filesets they find in the journal.
    """
    return asked_once(lambda wildcards: FAILURES.since(stage, wildcards.batch))
