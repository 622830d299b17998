"""How long the work takes: by rates of an earlier run's records, else by stated assumptions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ingest.doctor.storage import is_copied
from ingest.import_transfers import way
from ingest.plan_report.planned import Planned
from ingest.summary import STAGES
from ingest.words import size

ENOUGH = 100_000_000  # bytes: what fewer took says nothing of what many take


@dataclass(frozen=True, slots=True)
class Rate:
    """Seconds for a fileset's own sake, and bytes a second; `filesets` is how many were measured,
    0 for an assumption, and `bytes` the same of the bytes."""

    seconds: float
    speed: float
    filesets: int = 0
    bytes: int = 0


# For one worker on a middling server with disks over a network. What they are for is order of
# magnitude: the first run's own records take their place.
ASSUMED = {
    "convert": Rate(5.0, 30e6),
    "checksum": Rate(0.05, 300e6),
    "transfer": Rate(0.05, 100e6),
    "import": Rate(3.0, 100e6),
    "annotate": Rate(0.3, 1e12),
}


@dataclass(frozen=True, slots=True)
class Work:
    """What one stage has to do: filesets, the bytes it moves or reads, about how many seconds."""

    stage: str
    filesets: int
    bytes: int
    seconds: float
    rate: Rate

    @property
    def basis(self) -> str:
        """How it was estimated."""
        per = f"{self.rate.seconds:.2g} s per fileset"
        per += f" ({self.rate.filesets:,} measured)" if self.rate.filesets else " (assumed)"
        if not self.bytes:
            return per
        speed = f"{size(int(self.rate.speed))}/s"
        speed += f" ({size(self.rate.bytes)} measured)" if self.rate.bytes else " (assumed)"
        return f"{per}, or {speed} where that takes longer"


def work(rows: Sequence[Planned], rates: Mapping[str, Rate]) -> list[Work]:
    """One entry for each stage that has anything to do, in the order of the stages."""
    found = []
    for stage in STAGES:
        moved = [_moved(stage, row) for row in rows if row.goes_in]
        busy = [number for number in moved if number is not None]
        if busy:
            rate, total = rates[stage], sum(busy)
            seconds = max(len(busy) * rate.seconds, total / rate.speed)
            found.append(Work(stage, len(busy), total, seconds, rate))
    return found


def _moved(stage: str, planned: Planned) -> int | None:
    """Bytes that a stage moves or reads for a row; None when it has nothing to do for it."""
    row, fileset = planned.row, planned.fileset
    if stage == "convert":
        return row.size if fileset.convert else None
    if stage == "checksum":
        return row.size
    if stage == "transfer":
        return None if fileset.transfer == "none" else planned.stored
    return planned.uploaded if stage == "import" else 0


def rates(results: Path) -> dict[str, Rate]:
    """Those of the records that runs left in `results`, where there are any."""
    transfers = _transfers(results / "plan")
    return {stage: _measured(results / stage, stage, transfers) for stage in STAGES}


def _transfers(plan: Path) -> dict[str, tuple[str, str]]:
    """How the files of a fileset got to the store, and to OMERO."""
    return {
        row["id"]: (row.get("transfer", "none"), row.get("import_transfer", "ln_s"))
        for row in _lines(plan)
    }


def _measured(folder: Path, stage: str, transfers: Mapping[str, tuple[str, str]]) -> Rate:
    filesets, seconds, moving, moved = 0, 0.0, 0.0, 0
    for record in _lines(folder):
        how = transfers.get(record.get("fileset", ""))
        idle = stage == "convert" and "conversion" not in record.get("facts", {})
        idle = idle or (stage == "transfer" and record.get("status") != "ok")
        if idle or not how or record.get("status") not in ("ok", "notneeded"):
            continue
        filesets += 1
        seconds += record["seconds"]
        linked = (stage == "transfer" and how[0] != "cp") or (
            stage == "import" and way(how[1]) in ("ln_s", "ln")
        )
        if not linked and stage != "annotate":
            moving += record["seconds"]
            moved += sum(file["size"] for file in record["files"])
    rate = ASSUMED[stage]
    if filesets:
        rate = replace(rate, seconds=seconds / filesets, filesets=filesets)
    if moved >= ENOUGH and moving:
        rate = replace(rate, speed=moved / moving, bytes=moved)
    return rate


def _lines(folder: Path) -> Iterable[dict[str, Any]]:
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines)


def stored(planned: Planned, place: Path | None) -> int:
    """Bytes that would be written anew in the store."""
    row = planned.row
    if row.landed or not planned.goes_in:
        return 0
    if row.fileset.convert:
        return row.size
    if row.fileset.transfer == "none" or place is None:
        return 0
    return row.size if is_copied(row, place) else 0
