"""Digests that many threads note at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from omero_embedded.repository.files import Repository, open_repository
from omero_embedded.store import Store
from omero_embedded.store.accounts import SERVER


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    store = Store.open(tmp_path / "store")
    (tmp_path / "managed").mkdir()
    opened = open_repository(tmp_path / "managed", store, "uuid")
    yield opened
    opened.notes.stop()
    store.close()


def _file_ids(repository: Repository, number: int) -> list[int]:
    with repository.store.write(SERVER) as work:
        rows = [repository.file_row(f"f{n}", None) for n in range(number)]
        return [row.id.val for row in work.save_all(rows)]


def test_each_thread_finds_its_own_note_in_the_database(repository: Repository) -> None:
    ids = _file_ids(repository, 60)

    def note(file_id: int) -> tuple[int, str, int]:
        noted = repository.notes.note(SERVER, file_id, file_id * 2, f"digest {file_id}", 7, True)
        row = noted.result()
        return row.size.val, row.hash.val, row.version.val

    with ThreadPoolExecutor(12) as threads:
        assert list(threads.map(note, ids)) == [(i * 2, f"digest {i}", 1) for i in ids]
    with repository.store.read(SERVER) as work:
        rows = work.get_all("OriginalFile", ids)
    assert [rows[i].hash.val for i in ids] == [f"digest {i}" for i in ids]


def test_a_note_that_cannot_be_written_fails_for_who_made_it(repository: Repository) -> None:
    [file_id] = _file_ids(repository, 1)
    no_text: Any = {"no": "text"}
    with pytest.raises(Exception, match="bind"):
        repository.notes.note(SERVER, file_id, 1, no_text, 7, True).result()
    assert repository.notes.note(SERVER, file_id, 1, "digest", 7, False).result() is None
    with repository.store.read(SERVER) as work:
        assert work.get("OriginalFile", file_id).hash.val == "digest"
