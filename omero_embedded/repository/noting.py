"""Sizes and digests of files on their way into the database."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from omero_embedded.store import Actor, Store


@dataclass
class _Note:
    actor: Actor
    file_id: int
    fields: dict[str, Any]
    is_asked_for: bool
    written: Future[Any] = field(default_factory=Future)


class Notes:
    """One thread writes them: what is noted while it waits for the disk goes into one
    transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: list[_Note] = []
        self._noting = threading.Lock()
        self._writer = ThreadPoolExecutor(1, "notes")

    def note(
        self,
        actor: Actor,
        file_id: int,
        size: int,
        digest: str | None,
        mtime: int,
        is_asked_for: bool,
    ) -> Future[Any]:
        """Done when it is in the database, with the OriginalFile as it is then if that is asked
        for, else None. `mtime` is in milliseconds since 1970."""
        note = _Note(actor, file_id, {"size": size, "hash": digest, "mtime": mtime}, is_asked_for)
        with self._noting:
            self._noted.append(note)
            is_first = len(self._noted) == 1
        if is_first:
            self._writer.submit(self._write_all)
        return note.written

    def stop(self) -> None:
        """Returns when all is written. Nothing may be noted any more."""
        self._writer.shutdown()

    def _write_all(self) -> None:
        with self._noting:
            noted, self._noted = self._noted, []
        for actor, some in groupby(noted, key=lambda note: note.actor):
            notes = list(some)
            try:
                rows = self._write(actor, notes)
            except Exception as error:
                for note in notes:
                    note.written.set_exception(error)
            else:
                for note in notes:
                    note.written.set_result(rows.get(note.file_id) if note.is_asked_for else None)

    def _write(self, actor: Actor, notes: list[_Note]) -> dict[int, Any]:
        with self._store.write(actor) as work:
            work.change("OriginalFile", {note.file_id: note.fields for note in notes})
            asked_for = [note.file_id for note in notes if note.is_asked_for]
            return work.get_all("OriginalFile", asked_for) if asked_for else {}
