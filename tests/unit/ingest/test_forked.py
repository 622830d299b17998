"""Looks that processes share: all parts, in order, whatever becomes of the processes."""

import os
import signal
from collections.abc import Sequence

import pytest

from ingest import forked

HERE = os.getpid()


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "LEAST", 2)


def test_each_part_has_its_process_and_its_place() -> None:
    found = forked.in_processes(lambda part: (list(part), os.getpid()), range(7))
    assert [number for part, _ in found for number in part] == [*range(7)]
    assert len({process for _, process in found}) == forked.PROCESSES
    assert found[0][1] == os.getpid()


@pytest.mark.parametrize("items", [[], [1], [1, 2]])
def test_few_items_have_no_process_of_their_own(items: list[int]) -> None:
    assert forked.in_processes(lambda part: (part, os.getpid()), items) == [(items, os.getpid())]


def test_a_part_whose_process_was_killed_is_looked_at_here() -> None:
    def look(part: Sequence[int]) -> list[int]:
        if os.getpid() != HERE and 3 in part:
            os.kill(os.getpid(), signal.SIGKILL)
        return list(part)

    assert forked.in_processes(look, range(7)) == [[0, 1], [2, 3], [4, 5], [6]]


@pytest.mark.parametrize("bad", [0, 5])
def test_an_error_is_raised_here(bad: int) -> None:
    def look(part: Sequence[int]) -> bytes:
        if bad in part:
            raise FileNotFoundError(bad)
        return bytes(1_000_000)  # more than a pipe holds

    with pytest.raises(FileNotFoundError, match=str(bad)):
        forked.in_processes(look, range(7))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # no process is left
