# The beginning and the end of a run: only one at a time, with the embedded OMERO server if that is
# wanted, and the verdict as the last output.

import threading
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext

from ingest.failures import failed_since, last_words, note_words
from ingest.notify import tell_failure
from ingest.results_folder import check_results_folder
from ingest.run_history import note_begin, note_end, noting_stops
from ingest.run_lock import RunInProgress, hold_run_lock
from ingest.verdict import verdict_of_records

HELD = ExitStack()
RUN: list[str] = []  # the run that has begun
STOPPED: list[bool] = []  # no lock, as an event has: it is set where signals arrive
# What is printed at the end, when this run has written it.
LAST_WORDS = [Path(RESULTS) / f"{name}.txt" for name in ASKED_TOOLS or ["verdict"]]
EARLIER = {path: path.stat().st_mtime_ns for path in LAST_WORDS if path.exists()}
READING_TOOLS = {"audit", "relink"}  # files, for hours perhaps
NEED_NO_OMERO = {"status", "manifest", "orders", "ledger"}
WAS_STOPPED = "The run was stopped before its end. The same command goes on with it."
NO_VERDICT = (
    "The run ended before its summary: a job failed as a whole.\n\n{}\n\n"
    "Fix that, then give the same command again."
)


def begin() -> None:
    # Snakemake's handler of SIGTERM takes this lock, in the thread that may hold it: while a failed
    # job is made ready again, or jobs are selected, a lock that cannot be taken twice never opens.
    workflow.scheduler._lock = threading.RLock()
    noting_stops(lambda: STOPPED.append(True))
    look_for_jobs_seldom()
    check_verbosity()
    check_tools()
    try:
        check_results_folder(CONFIG.results)
    except StageError as error:
        raise WorkflowError(f"{error.cause}. {error.remedy}") from None
    if PLAN.dry_run:
        raise WorkflowError(
            f"{CONFIG.manifest} says dry_run, so nothing is imported. `snakemake -n` shows the plan; "
            "remove dry_run to import."
        )
    if not ASKED_TOOLS or CHANGING_TOOLS & set(ASKED_TOOLS):
        try:
            HELD.enter_context(hold_run_lock(CONFIG.results))
        except RunInProgress as error:
            raise WorkflowError(str(error)) from None
        note_words(CONFIG.results, "")
    if CONFIG.omero.embedded and not (ASKED_TOOLS and set(ASKED_TOOLS) <= NEED_NO_OMERO):
        from omero_embedded.companion import server_for

        omero = CONFIG.omero
        try:
            HELD.enter_context(server_for(omero.embedded_folder, omero.embedded_users))
        except OSError as error:
            raise WorkflowError(
                f"The embedded OMERO server cannot use the folder {omero.embedded_folder}: {error}. "
                "Set omero.embedded_folder to one that may be written to."
            ) from None
    if not ASKED_TOOLS:
        # An earlier run's: with it Snakemake does not miss what a job that fails leaves out.
        (CONFIG.results / "complete").unlink(missing_ok=True)
        RUN.append(note_begin(CONFIG.results))
    HELD.enter_context(progress_shown())


def look_for_jobs_seldom() -> None:
    """To limit how many jobs start per second, Snakemake looks for jobs again one second after each
    look. Each job that ends adds a look to every second that follows: after some hundred jobs the
    main process does little else. One look per second is enough; on one machine, none is needed
    besides those when jobs end."""
    scheduler = workflow.scheduler
    if workflow.local_exec:
        scheduler.job_rate_limiter = None
        return
    look_later, due = scheduler._schedule_reevalutation, 0.0

    def look_later_once(seconds: float) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + seconds
            look_later(seconds)

    scheduler._schedule_reevalutation = look_later_once


def check_tools() -> None:
    if ASKED_TOOLS and set(workflow.dag_settings.targets) != set(ASKED_TOOLS):
        raise WorkflowError(
            f"{' and '.join(ASKED_TOOLS)} can only be run alone. Give a separate command for the rest "
            "(and do not name a file in an option like it)."
        )


def progress_shown() -> AbstractContextManager[None]:
    """Shows how far the run is, in the terminal's last row or as lines, unless `--quiet progress`."""
    # A dry run has no use for it.
    from snakemake.settings.enums import Quietness

    from ingest.progress import tool_progress_path
    from ingest.progress_bar import shown
    from ingest.run_progress import RunProgress, line, tool_line

    if {Quietness.ALL, Quietness.PROGRESS} & set(workflow.output_settings.quiet or ()):
        return nullcontext()
    log = Path(RESULTS) / "logs" / "progress.log"
    for tool in READING_TOOLS & set(ASKED_TOOLS):
        tool_progress_path(CONFIG.results, tool).unlink(missing_ok=True)  # a killed one's
        return shown(lambda: tool_line(CONFIG.results, tool), sys.stderr, log)
    stages = {"import_filesets": "import"}
    jobs = {
        (stages.get(job.rule.name, job.rule.name), job.wildcards.batch): PLAN.batches[
            job.wildcards.batch
        ].filesets
        for job in workflow.dag.needrun_jobs()
        if "batch" in job.wildcards.keys()
    }
    if not jobs:
        return nullcontext()
    run = RunProgress(CONFIG.results, jobs)
    return shown(lambda: line(run.look()), sys.stderr, log)


def written() -> list[Path]:
    """The last words that this run wrote to files."""
    return [p for p in LAST_WORDS if p.exists() and p.stat().st_mtime_ns != EARLIER.get(p)]


def end(words: str = "", outcome: str = "ok") -> None:
    """Releases everything, and has what this run wrote, or `words`, come last on the terminal.

    It is printed after everything that Snakemake says, so that failures come last.
    """
    HELD.close()
    words = "\n\n".join(path.read_text().rstrip() for path in written()) or words
    if words:
        atexit.register(lambda: print(f"\n{words}", file=sys.stderr))
    if RUN:
        note_end(CONFIG.results, RUN.pop(), outcome, words)
        if outcome == "failed":
            tell_failure(CONFIG.notify, RESULTS, words, lambda text: print(text, file=sys.stderr))


onstart:
    if workflow.is_main_process:
        begin()


onsuccess:
    # Asked for some batches only, a run has no verdict: its failures are in their records.
    failed = "" if ASKED_TOOLS else verdict_of_records(failed_since(CONFIG.results, FAILURES))
    end(failed, "failed" if failed else "ok")
    if failed:
        raise WorkflowError("Some filesets failed.")


onerror:
    if ASKED_TOOLS:
        end(
            f"{' and '.join(ASKED_TOOLS)} ended unexpectedly; the output above and the log say why."
        )
    else:
        stopped = STOPPED and not written()
        words = last_words(CONFIG.results) or "  Its output is above and in its log."
        words = WAS_STOPPED if stopped else NO_VERDICT.format(words)
        failed = verdict_of_records(failed_since(CONFIG.results, FAILURES))
        end("\n\n".join(filter(None, [failed, words])), "stopped" if stopped else "failed")
