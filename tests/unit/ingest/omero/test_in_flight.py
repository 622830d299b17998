"""Many pieces of work under way at once, each waiting for one thing at a time."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.omero.in_flight import Work, in_flight


class Given:
    """A result that is there, or an error."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def result(self) -> Any:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


def test_results_and_errors_come_to_the_work_that_waits_for_them() -> None:
    seen = []

    def work(number: int) -> Work:
        doubled = yield Given(2 * number)
        try:
            yield Given(ValueError(number))
        except ValueError as error:
            seen.append((number, doubled, error.args[0]))

    in_flight((work(number) for number in range(50)), 7)
    assert sorted(seen) == [(number, 2 * number, number) for number in range(50)]


@pytest.mark.parametrize("most", [1, 3, 100])
def test_no_more_than_asked_for_are_under_way(most: int) -> None:
    under_way, highest = 0, 0

    def work() -> Work:
        nonlocal under_way, highest
        under_way += 1
        highest = max(highest, under_way)
        for _ in range(4):
            yield Given(None)
        under_way -= 1

    in_flight((work() for _ in range(20)), most)
    assert (under_way, highest) == (0, min(most, 20))


def test_an_error_ends_it_after_what_is_under_way() -> None:
    begun, ended = [], []

    def work(number: int) -> Work:
        begun.append(number)
        try:
            yield Given(ValueError(number) if number in (2, 3) else None)
            yield Given(None)
        finally:
            yield Given(None)
            ended.append(number)

    with pytest.raises(ValueError, match=r"^2$"):
        in_flight((work(number) for number in range(20)), 4)
    assert sorted(ended) == sorted(begun)
    assert len(begun) < 10


def test_work_that_fails_before_it_waits_is_an_error_too() -> None:
    def work() -> Work:
        raise ValueError("at once")
        yield Given(None)

    with pytest.raises(ValueError, match="at once"):
        in_flight([work()], 4)
