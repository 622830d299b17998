"""Filesets that are ready to rows of a manifest, in an intake that also tells their files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from blake3 import blake3

from ingest.atomic import write_text
from ingest.drop.lane import Candidate, Lane
from ingest.drop.listing import Stamp, stamp_of
from ingest.drop.recognise import fingerprint, has_bytes
from ingest.drop.state import State
from ingest.intakes import Intake, intakes_of, read_rows, write_intake
from ingest.journal import JOURNAL, Journal
from ingest.source_errors import SourceChanged

FILES = "files.jsonl"  # beside the manifest: one line per fileset

_BRINGING = ("transfer", "import")  # the stages after which files may be gone on purpose
_LONGEST_NAME = 80  # of the readable part of a fileset's id


@dataclass(frozen=True)
class Ready:
    """A fileset to be handed on, with the stamp and the fingerprint of each of its files (and of
    the marker that said that it is complete)."""

    lane: Lane
    candidate: Candidate
    stamps: dict[str, Stamp]
    prints: dict[str, str]

    @cached_property
    def id(self) -> str:
        """Readable, and another one for other content or another path."""
        lane, first = self.lane, Path(self.candidate.path)
        words = [lane.user, *Path(lane.inner(str(first))).parts]
        readable = re.sub(r"[^A-Za-z0-9.-]+", "_", "-".join(filter(None, words))).strip("._-")
        known = sorted((p, s.size, s.mtime_ns, self.prints[p]) for p, s in self.stamps.items())
        digest = blake3(json.dumps(known).encode()).hexdigest(5)
        return f"{readable[-_LONGEST_NAME:].lstrip('._-') or 'fileset'}-{digest}"

    @property
    def row(self) -> dict[str, str]:
        found, options = self.candidate, self.lane.options
        names = []
        if found.listed:
            folder = found.path if len(found.files) > 1 else str(Path(found.path).parent)
            names = [os.path.relpath(path, folder) for path in found.files]
        return {
            "fileset": self.id,
            "path": found.path,
            "files": ";".join(names),
            "target": options.target,
            "user": self.lane.user,
            "group": options.group,
            **options.cells,
        }


def look_closely(lane: Lane, candidate: Candidate, stamps: dict[str, Stamp]) -> Ready | None:
    """The fileset with its fingerprints; None when a file changed since it was stamped.

    Raises OSError for a file that cannot be read.
    """
    prints = {path: fingerprint(path, stamp.size) for path, stamp in stamps.items()}
    if any(stamp_of(path) != stamp for path, stamp in stamps.items()):
        return None
    return Ready(lane, candidate, stamps, prints)


def hand_on(ready: Sequence[Ready], folder: Path, state: State) -> Intake:
    """Write one intake below `folder` for filesets of one tree, then note it.

    The intake's rename is what counts: when this process dies after it, `catch_up` notes it.
    """
    ids = [one.id for one in ready]
    digest = blake3("\n".join(ids).encode()).hexdigest(4)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{ready[0].lane.tree}-{digest}"
    lines = [
        json.dumps(
            {
                "fileset": one.id,
                "files": [[path, *stamp, one.prints[path]] for path, stamp in one.stamps.items()],
                "marker": next(
                    (path for path in one.stamps if path not in one.candidate.files), ""
                ),
            }
        )
        for one in ready
    ]
    beside = {FILES: "\n".join(lines) + "\n"}
    intake = write_intake(folder / name, [one.row for one in ready], beside)
    note(intake, state)
    return intake


def catch_up(folder: Path, state: State) -> None:
    """Note intakes that are there and that a killed process, or a lost state, did not note."""
    known = state.intakes()
    for intake in intakes_of(folder):
        if intake.id not in known:
            note(intake, state)


def note(intake: Intake, state: State) -> None:
    """Has the state know an intake's files, all or none."""
    files = [
        (path, stamp, found, fileset)
        for fileset, members in files_of(intake).items()
        for path, stamp, found in members
    ]
    with state.change():
        state.note_intake(intake.id, files)


def files_of(intake: Intake, markers: bool = True) -> dict[str, list[tuple[str, Stamp, str]]]:
    """By fileset: path, stamp and fingerprint of each file that was handed on, and (with `markers`)
    of the one that said that they are complete."""
    lines = (intake.folder / FILES).read_text(encoding="utf-8").splitlines()
    return {
        line["fileset"]: [
            (path, Stamp(*stamp), found)
            for path, *stamp, found in line["files"]
            if markers or path != line["marker"]
        ]
        for line in map(json.loads, lines)
    }


def vanished(intake: Intake) -> Iterator[str]:
    """The filesets among the intake's rows of which a file lies no more where it was handed on, and
    that no run has brought anywhere: what was renamed meanwhile is a fileset of another path."""
    files = files_of(intake, markers=False)
    journal = Journal(intake.results / JOURNAL)
    for fileset in [row["fileset"] for row in read_rows(intake)]:
        is_begun = any(event["stage"] in _BRINGING for event in journal.events(fileset))
        there = [stamp_of(path) for path, _, _ in files.get(fileset, ())]
        # Without files it was taken back by a process that was killed then.
        if not is_begun and (not there or None in there):
            yield fileset


def take_back(intake: Intake, filesets: Collection[str], state: State) -> None:
    """Forgets that these were handed on; the caller takes out their rows after that."""
    lines = (intake.folder / FILES).read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["fileset"] not in filesets]
    write_text(intake.folder / FILES, "".join(kept))
    with state.change():
        for fileset in filesets:
            state.forget(intake.id, fileset)


def replaced(intake: Intake) -> Iterator[str]:
    """The filesets among the intake's rows of which a file has other content by now."""
    rows = {row["fileset"] for row in read_rows(intake)}
    for fileset, files in files_of(intake, markers=False).items():
        if fileset in rows and any(
            _is_other(path, stamp, found, intake, fileset) for path, stamp, found in files
        ):
            yield fileset


def _is_other(path: str, stamp: Stamp, found: str, intake: Intake, fileset: str) -> bool:
    now = stamp_of(path)
    if now is None or now.content == stamp.content:
        return False
    if now.size != stamp.size:
        return True
    try:  # as `recognise` and `recognise_touched` take it
        if now.mtime_ns == stamp.mtime_ns:
            return fingerprint(path, now.size) != found
        return not has_bytes(path, now.size, found, intake, fileset)
    except (OSError, SourceChanged):
        return False
