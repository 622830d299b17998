# The beginning and the end of a run: one at a time, with the embedded OMERO server when it is asked
# for, and the verdict as the last words.

from contextlib import ExitStack

from ingest.run_lock import RunInProgress, hold_run_lock

HELD = ExitStack()


def begin() -> None:
    try:
        HELD.enter_context(hold_run_lock(CONFIG.results))
    except RunInProgress as error:
        raise WorkflowError(str(error)) from None
    if CONFIG.omero.embedded:
        from omero_embedded.companion import server_for

        omero = CONFIG.omero
        HELD.enter_context(server_for(omero.embedded_folder, omero.embedded_users))


def end() -> None:
    HELD.close()
    verdict = Path(RESULTS) / "verdict.txt"
    if verdict.exists():
        # Printed when Snakemake has said everything, so that failures stand last.
        atexit.register(lambda: print(f"\n{verdict.read_text()}", file=sys.stderr, end=""))


onstart:
    if workflow.is_main_process:
        begin()


onsuccess:
    end()


onerror:
    end()
