"""Whether, and as whom, the metadata jobs of a results folder have put anything into OMERO.

What a job put goes again when no table says it any more; so the job has to run, and to look as all
these accounts, also when the configuration knows of no table at all. Like the journal it outlives
the runs.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ingest.atomic import write_text
from ingest.metadata.options import Metadata

_NAME = "metadata-put.json"

Account = tuple[str, str]  # user and group


@dataclass(frozen=True)
class Put:
    """`id` tells the OMERO.tables of this results folder from those of others."""

    id: str
    accounts: frozenset[Account]


def put_before(results: Path) -> Put | None:
    """None when no job has put anything."""
    try:
        found = json.loads((results / _NAME).read_bytes())
    except FileNotFoundError:
        return None
    return Put(found["id"], frozenset((user, group) for user, group in found["accounts"]))


def is_wanted(options: Metadata, results: Path) -> bool:
    """Whether a run needs a metadata job."""
    return options.is_used or put_before(results) is not None


def note_accounts(results: Path, accounts: Iterable[Account]) -> Put:
    """Notes, before anything is put, that it may be put as these, too."""
    before = put_before(results) or Put(uuid.uuid4().hex[:12], frozenset())
    put = Put(before.id, before.accounts.union(accounts))
    if put != before:
        facts = {"id": put.id, "accounts": sorted(put.accounts)}
        write_text(results / _NAME, json.dumps(facts) + "\n")
    return put
