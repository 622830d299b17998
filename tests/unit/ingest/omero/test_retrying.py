import time
from collections.abc import Callable

import omero
import omero.all
import pytest

from ingest.fileset import StageError
from ingest.omero import retrying
from ingest.omero.errors import LostConnection, Passing, refused
from ingest.omero.retrying import retried


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for; none is made."""
    asked: list[float] = []
    monkeypatch.setattr(retrying.time, "sleep", asked.append)
    return asked


def failing(*errors: StageError) -> Callable[[], str]:
    left = list(errors)

    def work() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return work


def lost(since: float | None = None) -> LostConnection:
    return LostConnection("lost", "run again", since)


def test_passing_errors_are_waited_out_longer_and_longer(pauses: list[float]) -> None:
    assert retried("a", 3600, failing(*[lost() for _ in range(9)])) == "done"
    assert len(pauses) == 9
    assert 0.5 <= pauses[0] <= 1.0
    assert 2.0 <= pauses[2] <= 4.0
    assert max(pauses) <= retrying.LONGEST_PAUSE


def test_the_server_says_how_long(pauses: list[float]) -> None:
    busy = refused(omero.DatabaseBusyException(message="all connections taken", backOff=7000))
    assert isinstance(busy, Passing)
    assert "too busy: all connections taken" in busy.cause
    assert retried("a", 60, failing(busy)) == "done"
    assert pauses == [7.0]


def test_nothing_else_is_tried_again(pauses: list[float]) -> None:
    for lasting in (
        StageError("no", "never"),
        refused(omero.SecurityViolation(message="no")),
        refused(omero.ResourceError(message="no")),
    ):
        with pytest.raises(StageError, match="no"):
            retried("a", 60, failing(lasting))
    assert pauses == []


def test_no_time_to_try_again(pauses: list[float]) -> None:
    with pytest.raises(LostConnection):
        retried("a", 0, failing(lost()))
    assert pauses == []


def test_the_time_counts_from_when_the_server_went_away(pauses: list[float]) -> None:
    with pytest.raises(LostConnection):
        retried("a", 60, failing(lost(since=time.monotonic() - 61)))
    assert pauses == []
