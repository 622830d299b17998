"""What is planned for one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ingest.doctor.rows import Row
from ingest.fileset import Fileset, Problem

State = Literal["refused", "blocked", "import", "continue", "there", "done"]

BY_JOURNAL, BY_PATH = "journal", "client path"

# In words, for people, as a row's and as a total's.
WORDS: dict[State, str] = {
    "refused": "invalid in the manifest",
    "blocked": "would fail",
    "import": "would be imported",
    "continue": "begun earlier, would be finished",
    "there": "already in OMERO, imported by somebody else: left alone",
    "done": "already in OMERO, by an earlier run",
}


@dataclass(frozen=True, slots=True)
class Planned:
    """One row of the manifest and what a run would do with it.

    `row` has its files as far as they are known without opening any. `problem` is what stands in
    the way, `digests` names the algorithms that are known already and from where. `stored` and
    `uploaded` are bytes that would be written anew in the store and in OMERO's repository.
    `target_is` tells whether the target is there; `omero` the ids of filesets in OMERO, `found_by`
    how they are known.
    """

    row: Row
    state: State
    problem: Problem | None = None
    digests: str = ""
    stored: int = 0
    uploaded: int = 0
    target: str = ""
    target_is: str = ""
    user: str = ""
    group: str = ""
    omero: tuple[int, ...] = ()
    found_by: str = ""

    @property
    def fileset(self) -> Fileset:
        return self.row.fileset

    @property
    def goes_in(self) -> bool:
        """Whether a run would have work with it."""
        return self.state in ("import", "continue")

    @property
    def is_stopped(self) -> bool:
        return self.state in ("refused", "blocked")

    @property
    def transfer(self) -> str:
        """From the source to OMERO, in words."""
        fileset = self.fileset
        steps = [f"converter {self.row.converter}"] if fileset.convert else []
        steps += [f"{fileset.transfer} into the store"] if fileset.transfer != "none" else []
        return ", ".join([*steps, f"{fileset.import_transfer} into OMERO"])
