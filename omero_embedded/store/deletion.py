"""What goes when an object goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from omero_embedded.model.types import Type
from omero_embedded.store.access import Access
from omero_embedded.store.events import Events


@dataclass(slots=True)
class Deletion:
    """What a deletion took: ids by type name, and the OriginalFile rows among them.

    `files` are the loaded OriginalFiles as they were; their bytes are the caller's to remove,
    after the transaction.
    """

    ids: dict[str, list[int]] = field(default_factory=dict)
    files: list[Any] = field(default_factory=list)


class Deleter:
    def __init__(self, connection: Connection, access: Access, events: Events) -> None: ...

    def delete(
        self, model_type: Type, ids: Sequence[int], keep: Sequence[str], dry_run: bool
    ) -> Deletion:
        raise NotImplementedError
