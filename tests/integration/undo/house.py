"""A results folder as whole runs leave it: all stages in one process, on the rig's rows."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.audit.audit import audit
from ingest.fileset import Record
from ingest.omero.session import Session
from ingest.omero.targets import resolve_all
from ingest.plan import compile_plan
from ingest.records import read_records
from ingest.runner import run_batch
from ingest.stages import annotate, checksum, convert, importing, transfer
from ingest.undo.relink import relink
from ingest.undo.rollback import rollback
from tests.fixtures import forked
from tests.fixtures.dying import moments_until, watch_changes
from tests.fixtures.waiting import PATIENCE
from tests.integration.ingest_omero.rig import Rig, Server

STAGES = (convert.STAGE, checksum.STAGE, transfer.STAGE, importing.STAGE, annotate.STAGE)
TOOLS = {"relink": relink, "rollback": rollback, "audit": audit}


def run_all(rig: Rig) -> dict[str, Record]:
    """The records of the last stage, of all rows."""
    rig.options["manifest"] = str(_write_manifest(rig))
    rig.context.close()
    rig.context = rig.new_context()
    results = rig.context.results
    batches = list(compile_plan(rig.config).batches)
    plans = [results / "plan" / f"{batch}.jsonl" for batch in batches]
    resolve_all(plans, rig.context)
    records: dict[str, Record] = {}
    for batch, plan in zip(batches, plans, strict=True):
        before = None
        for stage in STAGES:
            output = results / stage.name / plan.name
            output.parent.mkdir(exist_ok=True)
            run_batch(stage, plan, before, output, rig.context, batch)
            before = output
        records |= read_records(output)
    return records


def _write_manifest(rig: Rig) -> Path:
    path = rig.folder / "manifest.csv"
    names = ("path", "target", "user", "group", "transfer", "import_transfer", "convert")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["fileset", "files", "tags", *names])
        for row in rig.filesets:
            cells = [getattr(row, name) for name in names]
            writer.writerow([row.id, ";".join(row.files), ";".join(row.tags), *cells])
    return path


@dataclass(frozen=True)
class Told:
    """What a tool said, and whether it ended well."""

    status: int
    words: str
    table: dict[str, Any]


def use(rig: Rig, tool: str, **options: Any) -> Told:
    """One tool, as a job of its own runs it."""
    rig.options[tool] = options
    rig.context.close()
    rig.context = rig.new_context()
    status = 0
    try:
        TOOLS[tool](rig.context)
    except SystemExit as ended:
        status = int(str(ended.code))
    finally:
        rig.close()
        del rig.options[tool]
    results = rig.context.results
    table = json.loads((results / f"{tool}.json").read_text())
    return Told(status, (results / f"{tool}.txt").read_text(), table)


def use_and_die(rig: Rig, tool: str, options: Mapping[str, Any], moment: int) -> str:
    """What a tool was at when it died by SIGKILL at its moment of this number (from 0).

    Moments are commands that OMERO is given, what is saved there, and every change of the file
    system below the test's folder or the repository, just before it is made. Empty when it ended
    before.
    """
    note = rig.folder / "died"
    note.unlink(missing_ok=True)
    login = {name: value for name, value in os.environ.items() if name.startswith("OMERO_")}
    places = (str(rig.folder), str(rig.server.repository))
    arguments = (rig.folder, rig.server.folder, {**rig.options, tool: dict(options)}, tool)
    ended = forked.exit_code(forked.start(_use, *arguments, moment, note, login, places), PATIENCE)
    assert ended in (-signal.SIGKILL, 0), f"it ended with {ended}"
    return note.read_text() if ended else ""


def _use(
    folder: Path,
    store: Path,
    options: dict[str, Any],
    tool: str,
    moment: int,
    note: Path,
    login: dict[str, str],
    places: tuple[str, ...],
) -> None:
    os.environ.update(login)
    at = moments_until(moment, note)
    for name in ("submit", "save"):
        _report(name, at)
    rig = Rig(folder, Server(store), options)
    watch_changes(at, places, note)
    try:
        TOOLS[tool](rig.context)
    except SystemExit as error:
        os._exit(int(str(error.code)))
    os._exit(0)


def _report(name: str, at: Any) -> None:
    real = getattr(Session, name)

    def reporting(session: Session, given: Any) -> Any:
        at(f"{name} begun")
        response = real(session, given)
        at(f"{name} ended")
        return response

    setattr(Session, name, reporting)


@dataclass(frozen=True)
class Kept:
    """Files as they were: their bytes, times and inodes."""

    files: Mapping[Path, tuple[bytes, int, int]]

    @classmethod
    def of(cls, paths: Sequence[Path]) -> Kept:
        return cls({path: _seen(path) for path in paths})

    def check(self) -> None:
        assert {path: _seen(path) for path in self.files} == dict(self.files)


def _seen(path: Path) -> tuple[bytes, int, int]:
    found = path.stat()
    return path.read_bytes(), found.st_mtime_ns, found.st_ino


def move(old: Path, new: Path) -> None:
    """Storage that is copied elsewhere and taken away, times kept."""
    shutil.copytree(old, new, symlinks=True)
    shutil.rmtree(old)


def temporary_names(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*.partial")]
