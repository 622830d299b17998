# What no setting of profiles/slurm cures.

from typing import Any

from ingest.child_environment import secrets_here

# Seconds, as Slurm has it where its configuration says nothing.
USUAL_MIN_JOB_AGE = 300


def remembered(ask: Callable[[], int | None], before: int) -> Callable[[], int]:
    """`ask`, or its last answer while it has none; `before` it had any."""
    known = {"last": before}

    def answer() -> int:
        found = ask()
        if found is not None:
            known["last"] = found
        return known["last"]

    return answer


def shortened(pause: property) -> property:
    """`pause`, an executor's between two looks at its jobs, never longer than three first ones."""

    def shorten(executor: Any, seconds: int) -> None:
        first = executor.workflow.executor_settings.init_seconds_before_status_checks
        pause.fset(executor, min(seconds, 3 * first))

    return property(pause.fget, shorten)


slurm_plugin = sys.modules.get("snakemake_executor_plugin_slurm")
if slurm_plugin and workflow.is_main_process:
    # Before it looks at its jobs the plugin asks the controller how long that knows them
    # (MinJobAge). While the controller is away it takes sacct instead of squeue; where accounting is
    # off that fails until all attempts are spent, the plugin forgets its jobs, and the run hangs.
    slurm_plugin.get_min_job_age = remembered(slurm_plugin.get_min_job_age, USUAL_MIN_JOB_AGE)
    # With each look that finds nothing ended the plugin waits ten seconds longer, up to three
    # minutes: of five short jobs, one after another, most of the time would be waiting.
    slurm_plugin.Executor.next_seconds_between_status_checks = shortened(
        slurm_plugin.Executor.next_seconds_between_status_checks
    )


def check_verbosity() -> None:
    """With --verbose the plugin writes all variables of a job, secrets too, to the job's log."""
    secrets = secrets_here()
    if workflow.output_settings.verbose and workflow.non_local_exec and secrets:
        raise WorkflowError(
            f"With --verbose the jobs' logs on the cluster would show {' and '.join(secrets)}. "
            "Run without --verbose."
        )
