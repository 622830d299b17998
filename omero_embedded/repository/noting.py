"""Sizes and digests of files on their way into the database."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from omero_embedded.store import Actor, Store


@dataclass
class _Note:
    actor: Actor
    file_id: int
    fields: dict[str, Any]
    is_asked_for: bool
    row: Any = None
    error: Exception | None = None
    is_done: bool = False


class Notes:
    """What many threads note at once is written in few transactions: one waits for the disk, and
    takes along what the others have noted meanwhile."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: list[_Note] = []
        self._noting = threading.Lock()
        self._writing = threading.Lock()

    def note(
        self,
        actor: Actor,
        file_id: int,
        size: int,
        digest: str | None,
        mtime: int,
        is_asked_for: bool,
    ) -> Any | None:
        """Returns when it is in the database: the OriginalFile as it is now, if that is asked for.
        `mtime` is in milliseconds since 1970."""
        fields = {"size": size, "hash": digest, "mtime": mtime}
        note = _Note(actor, file_id, fields, is_asked_for)
        with self._noting:
            self._noted.append(note)
        with self._writing:
            if not note.is_done:
                self._write_all()
        if note.error is not None:
            raise note.error
        return note.row

    def _write_all(self) -> None:
        with self._noting:
            noted, self._noted = self._noted, []
        for actor, some in groupby(noted, key=lambda note: note.actor):
            notes = list(some)
            try:
                self._write(actor, notes)
            except Exception as error:
                for note in notes:
                    note.error = error
        for note in noted:
            note.is_done = True

    def _write(self, actor: Actor, notes: list[_Note]) -> None:
        with self._store.write(actor) as work:
            work.change("OriginalFile", {note.file_id: note.fields for note in notes})
            asked_for = [note for note in notes if note.is_asked_for]
            rows = work.get_all("OriginalFile", [note.file_id for note in asked_for])
            for note in asked_for:
                note.row = rows[note.file_id]
