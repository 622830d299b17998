"""Looks that processes share: all parts, in order, whatever becomes of the processes."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from ingest import forked

HERE = os.getpid()


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "LEAST", 2)


def test_each_part_has_its_copy_and_its_place() -> None:
    with forked.in_copies(lambda part: (list(part), os.getpid()), range(7)) as looks:
        found = looks()
    assert [number for part, _ in found for number in part] == [*range(7)]
    processes = {process for _, process in found}
    assert len(processes) == forked.COPIES
    assert HERE not in processes


def test_copies_look_while_this_process_goes_on() -> None:
    reading, writing = os.pipe()

    def look(part: Sequence[int]) -> bytes:
        return os.read(reading, 1)

    with forked.in_copies(look, range(7)) as looks:
        os.write(writing, b"1234")
        assert sorted(looks()) == [b"1", b"2", b"3", b"4"]
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("items", [[], [1], [1, 2]])
def test_few_items_are_looked_at_here(items: list[int]) -> None:
    with forked.in_copies(lambda part: (part, os.getpid()), items) as looks:
        assert looks() == [(items, HERE)]


def test_a_part_whose_copy_was_killed_is_looked_at_here() -> None:
    def look(part: Sequence[int]) -> list[int]:
        if os.getpid() != HERE and 3 in part:
            os.kill(os.getpid(), signal.SIGKILL)
        return list(part)

    with forked.in_copies(look, range(7)) as looks:
        assert looks() == [[0, 1], [2, 3], [4, 5], [6]]


@pytest.mark.parametrize("bad", [0, 5])
def test_an_error_is_raised_here(bad: int) -> None:
    def look(part: Sequence[int]) -> bytes:
        if bad in part:
            raise FileNotFoundError(bad)
        return bytes(1_000_000)  # more than a pipe holds

    before = children()
    with (
        pytest.raises(FileNotFoundError, match=str(bad)),
        forked.in_copies(look, range(7)) as looks,
    ):
        looks()
    assert children() <= before


def test_what_fails_meanwhile_leaves_no_copy() -> None:
    before = children()
    with pytest.raises(ZeroDivisionError), forked.in_copies(lambda part: signal.pause(), range(7)):
        assert len(children() - before) == forked.COPIES
        raise ZeroDivisionError
    assert children() <= before


def children() -> set[str]:
    """The processes that this one has started, those that ended unnoticed among them."""
    lists = Path("/proc/self/task").glob("*/children")
    return {process for each in lists for process in each.read_text().split()}
