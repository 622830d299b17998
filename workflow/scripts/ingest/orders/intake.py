"""The folder of an order: its manifest, its results, and what is known of it there.

    <intakes>/orders/<uuid>/order.json      which pending row it was taken for
                           /manifest.csv    one row per fileset; it is there when all is well
                           /results/

All of it follows from the order, so a killed poller's work is done again with the same result.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingest.atomic import fsync_folder, write_text
from ingest.config import Config
from ingest.conversion.options import NO_CONVERTER
from ingest.fileset import BadText
from ingest.intakes import Intake, manifest_text
from ingest.manifest_problems import ManifestError
from ingest.orders.grouping import fileset_paths
from ingest.orders.order import Order
from ingest.watch.history import FILE as HISTORY

KNOWN = "order.json"
OWNER = ".owner"
TOLD = 5  # problems of rows in an order's message


def owner_of(folder: Path) -> str:
    """What this folder of intakes is called in claims: an id that goes with the folder, wherever it
    is mounted and whatever the machine is called."""
    path = folder / OWNER
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f".{uuid.uuid4().hex}"
        write_text(fresh, str(uuid.uuid4()))
        try:
            path.hardlink_to(fresh)  # the first of several pollers names it
        except FileExistsError:
            pass  # its name is as good
        finally:
            fresh.unlink()
    return path.read_text().strip()


def intake_name(order: str) -> str:
    """The name of the folder of the order with this uuid."""
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", order):
        return order
    return hashlib.sha256(order.encode()).hexdigest()[:32]


def is_written(intake: Intake, import_id: int) -> bool:
    """Whether the folder is as `write_intake` leaves it for this pending row."""
    known = _known(intake)
    return known.get("import_id") == import_id and intake.manifest.exists()


def write_intake(intake: Intake, import_id: int, order: Order, config: Config) -> None:
    """Writes the order's folder; its manifest last, checked as any manifest is.

    Raises BadText when rows of it are refused, such as files that are not there or outside of
    allowed_roots: there is no manifest then.
    """
    if _known(intake).get("import_id") != import_id:
        # Of an earlier try, whose verdict is not this one's.
        intake.manifest.unlink(missing_ok=True)
        (intake.results / "complete").unlink(missing_ok=True)
        (intake.folder / HISTORY).unlink(missing_ok=True)
        known = {"uuid": order.uuid, "import_id": import_id, "verdict": verdict_time(intake)}
        write_text(intake.folder / KNOWN, json.dumps(known) + "\n")
    # A name of its own: another poller of this folder may do the same.
    trial = intake.folder / f".{uuid.uuid4().hex}.csv"
    try:
        write_text(trial, _table(order, order.paths))
        _check(trial, intake, config)
        paths = fileset_paths(order, config.watch.read_limit)
        if paths != list(order.paths):
            write_text(trial, _table(order, paths))
            _check(trial, intake, config)
        trial.replace(intake.manifest)
        fsync_folder(intake.folder)
    finally:
        trial.unlink(missing_ok=True)


def problem_of_manifest(intake: Intake, config: Config) -> str:
    """Why a run would refuse the order's manifest as things stand now; empty when it would not."""
    try:
        _check(intake.manifest, intake, config)
    except BadText as error:
        return sentence(error)
    return ""


def verdict_is_new(intake: Intake) -> bool:
    """Whether a run came to its end since the order was taken."""
    return verdict_time(intake) != _known(intake).get("verdict", 0)


def verdict_time(intake: Intake) -> int:
    """When a run of the intake last came to its end, in nanoseconds since 1970; 0: never."""
    path = intake.results / "verdict.txt"
    return path.stat().st_mtime_ns if path.exists() else 0


def sentence(error: BadText) -> str:
    """Cause and remedy as one text for the web page."""
    return f"{str(error)[:1].upper()}{str(error)[1:]}. {error.problem.remedy}"


def _known(intake: Intake) -> Mapping[str, Any]:
    try:
        return json.loads((intake.folder / KNOWN).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}


def _table(order: Order, paths: Sequence[str]) -> str:
    cells = {
        "target": order.target,
        "user": order.user,
        "group": order.group,
        # An order without preprocessing wants none, whatever defaults.convert says.
        "convert": order.convert or NO_CONVERTER,
        "kv.UUID": order.uuid,
    }
    return manifest_text(
        [{"fileset": _fileset_id(order.uuid, path), "path": path, **cells} for path in paths]
    )


def _fileset_id(order: str, path: str) -> str:
    """Readable, and the same whatever else the order holds; no other order's fileset has it."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(path).name).lstrip(".-")[:60]
    digest = hashlib.sha256(f"{order}\0{path}".encode()).hexdigest()[:16]
    return f"{name or 'fileset'}-{digest}"


def _check(manifest: Path, intake: Intake, config: Config) -> None:
    from ingest.manifest import read_manifest  # takes its time to load

    its = {"manifest": manifest.absolute(), "results": intake.results.absolute()}
    try:
        read_manifest(config.model_copy(update={**its, "invalid_rows": "refuse"}))
    except ManifestError as error:
        problems = error.problems
        told = [f"{problem.cause} {problem.remedy}" for problem in problems[:TOLD]]
        more = len(problems) - TOLD
        raise BadText("; ".join(told), f"And {more} problems more." if more > 0 else "") from None
