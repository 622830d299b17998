# What no setting of profiles/slurm cures.


def remembered(ask: Callable[[], int | None]) -> Callable[[], int | None]:
    """`ask`, or its last answer while it has none."""
    known: dict[str, int] = {}

    def answer() -> int | None:
        found = ask()
        if found is not None:
            known["last"] = found
        return known.get("last")

    return answer


# Before it looks at its jobs the Slurm plugin asks the controller how long that knows them
# (MinJobAge). While the controller is away it takes sacct instead of squeue; where accounting is off
# that fails until all attempts are spent, the plugin forgets its jobs, and the run hangs for good.
slurm_plugin = sys.modules.get("snakemake_executor_plugin_slurm")
if slurm_plugin and workflow.is_main_process:
    slurm_plugin.get_min_job_age = remembered(slurm_plugin.get_min_job_age)


def check_verbosity() -> None:
    """With --verbose the plugin writes all variables of a job, secrets too, to the job's log."""
    secrets = sorted({"OMERO_PASSWORD", "OMERO_SESSION"} & set(os.environ))
    if workflow.output_settings.verbose and workflow.non_local_exec and secrets:
        raise WorkflowError(
            f"With --verbose the jobs' logs on the cluster would show {' and '.join(secrets)}. "
            "Leave --verbose out."
        )
