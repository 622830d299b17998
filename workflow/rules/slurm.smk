# What no setting in profiles/slurm can fix.

from typing import Any

from ingest.child_environment import secrets_here

# Slurm's default, in seconds.
USUAL_MIN_JOB_AGE = 300


def remembered(ask: Callable[[], int | None], before: int) -> Callable[[], int]:
    """`ask`, but returning its last answer (at first `before`) whenever it has none."""
    known = {"last": before}

    def answer() -> int:
        found = ask()
        if found is not None:
            known["last"] = found
        return known["last"]

    return answer


def shortened(pause: property) -> property:
    """`pause`, an executor's time between two status checks, limited to three times the initial one."""

    def shorten(executor: Any, seconds: int) -> None:
        first = executor.workflow.executor_settings.init_seconds_before_status_checks
        pause.fset(executor, min(seconds, 3 * first))

    return property(pause.fget, shorten)


slurm_plugin = sys.modules.get("snakemake_executor_plugin_slurm")
if slurm_plugin and workflow.is_main_process:
    # Before checking its jobs the plugin asks the controller how long it remembers them (MinJobAge).
    # While the controller is down it uses sacct instead of squeue; where accounting is off, that
    # fails until all attempts are used up, the plugin forgets its jobs, and the run hangs.
    slurm_plugin.get_min_job_age = remembered(slurm_plugin.get_min_job_age, USUAL_MIN_JOB_AGE)
    # After each check that finds no finished job, the plugin waits ten seconds longer, up to three
    # minutes: with five short jobs in a row, most of the time would be spent waiting.
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
