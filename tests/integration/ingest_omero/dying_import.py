"""An import in a process of its own, which dies by SIGKILL at a chosen moment.

Moments are the importer's reported steps, the beginning and the end of every command OMERO is
given, and every change of the file system below the test's folder or the repository, just before
it is made: the journal's lines, links, copies, removals.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from ingest.omero.session import Session
from ingest.runner import run_batch
from ingest.stages import importing
from tests.fixtures import forked
from tests.fixtures.dying import moments_until, watch_changes
from tests.fixtures.waiting import PATIENCE
from tests.integration.ingest_omero.rig import Rig, Server


def import_and_die(rig: Rig, moment: int | str) -> str:
    """Imports the rig's rows; what the process was at when it died at its moment of this number
    (from 0) or name.

    Empty when it ended before: it has no such moment. `plan` and `checksum` have been called.
    """
    note = rig.folder / "died"
    note.unlink(missing_ok=True)
    # The process that forks has the environment of its own start.
    login = {name: value for name, value in os.environ.items() if name.startswith("OMERO_")}
    arguments = (rig.folder, rig.server.folder, rig.options, moment, note, login)
    ended = forked.exit_code(forked.start(_import, *arguments), PATIENCE)
    assert ended in (-signal.SIGKILL, 0), f"it ended with {ended}"
    return note.read_text() if ended else ""


def _import(
    folder: Path,
    store: Path,
    options: dict[str, Any],
    moment: int | str,
    note: Path,
    login: dict[str, str],
) -> None:
    os.environ.update(login)
    places = (str(folder), str(Server(store).repository))
    at = moments_until(moment, note)
    real_import = importing.import_fileset

    def reporting(session: Any, request: Any, mount: Any, report: Any) -> Any:
        return real_import(session, request, mount, at)

    importing.import_fileset = reporting
    real_submit = Session.submit

    def submit(session: Session, request: Any) -> Any:
        at("command begun")
        response = real_submit(session, request)
        at("command ended")
        return response

    Session.submit = submit
    rig = Rig(folder, Server(store), options)
    watch_changes(at, places, note)
    upstream, output = folder / "transfer.jsonl", folder / "import.jsonl"
    run_batch(importing.STAGE, folder / "plan.jsonl", upstream, output, rig.context, "b1")
    os._exit(0)
