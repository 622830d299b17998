"""The stages: what is done with one fileset, one after another.

Each module `ingest.stages.<module>` exports its `STAGE`. A stage knows filesets and records; the
runner maps it over a batch, times it, and decides from the journal whether there is work at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.config import Config
    from ingest.context import Context
    from ingest.fileset import Fileset, Record


def job_threads(context: Context) -> int:
    return context.threads


def more_than_threads(context: Context) -> int:
    """For stages whose files take turns in `context.slots`: while one fileset's journal waits for
    the disk, as long as a hundred small files take to hash, others are at work."""
    return 4 * context.threads


def no_settings(_config: Config) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Stage:
    """One stage, as the runner sees it.

    `run` does the work for one fileset, given the record the stage before left (for the first
    stage an empty `plan` record), and returns an `ok` or `notneeded` record; `started`, `seconds`
    and `host` are the runner's to fill in. It raises StageError when this fileset cannot go on. It
    may be killed at any moment and called again, and is called from several threads at once.

    A rerun uses the record of the last run again, without calling `run`, when the fields of the
    Fileset named in `uses`, the upstream record's files, facts and status, and `settings(config)`
    (JSON values) are what they were, and `still_holds(fileset, earlier record, context)`, a quick
    look at the world, says so. A file that is gone still holds if it is in `Journal.removed`:
    some later stage removed it on purpose, having verified its bytes elsewhere.

    `parallel` says how many filesets of a batch are in work at once.
    """

    name: str
    run: Callable[[Fileset, Record, Context], Record]
    still_holds: Callable[[Fileset, Record, Context], bool]
    uses: tuple[str, ...] = ()
    settings: Callable[[Config], Mapping[str, Any]] = no_settings
    parallel: Callable[[Context], int] = job_threads
