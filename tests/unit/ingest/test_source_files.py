"""Work on a fileset's files in portions."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.config import load
from ingest.context import Context
from ingest.fileset import SourceFile, StageError
from ingest.journal import Journal
from ingest.source_files import HANDFUL, HANDFUL_BYTES, for_each_file, handfuls


def files(*sizes: int) -> list[SourceFile]:
    return [SourceFile(f"/{n}", f"/{n}", str(n), size, 1, n) for n, size in enumerate(sizes)]


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("number", [0, 1, 2, 6, HANDFUL, 5 * HANDFUL + 1])
def test_all_files_are_in_handfuls_in_their_order_for_all_threads(
    number: int, threads: int
) -> None:
    given = files(*[10] * number)
    found = handfuls(given, threads)
    assert [file for some in found for file in some] == given
    assert all(0 < len(some) <= HANDFUL for some in found)
    assert len(found) >= min(number, threads)


def test_a_large_file_is_a_handful() -> None:
    given = files(10, HANDFUL_BYTES, HANDFUL_BYTES * 9, 10, 10)
    assert [len(some) for some in handfuls(given, 1)] == [1, 1, 1, 2]


@pytest.mark.parametrize("threads", [1, 3])
def test_each_file_is_worked_on_once_and_the_first_error_ends_it(
    tmp_path: Path, threads: int
) -> None:
    context = Context(load({}), tmp_path, Journal(tmp_path), threads)
    given = files(*range(300))
    assert for_each_file(lambda file: file.size * 2, given, context) == [n * 2 for n in range(300)]
    seen = []

    def fail(file: SourceFile) -> None:
        seen.append(file.size)
        if file.size == 5:
            raise StageError("bad", "none")

    with pytest.raises(StageError, match="bad"):
        for_each_file(fail, given, context)
    assert len(seen) < 300
