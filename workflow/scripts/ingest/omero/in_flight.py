"""Many calls to OMERO under way at once, with no thread for each.

Work is a generator that yields what it waits for and is sent the result, or thrown the error: a
call (`Call`), or whatever has a `result` as a concurrent.futures.Future has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from typing import Any, Protocol


class Awaited(Protocol):
    def result(self) -> Any:
        """The result, once it is there, or the error."""


Work = Generator[Awaited, Any, None]


class Call:
    """One call to a remote object, begun when this is made (Ice's asynchronous invocation)."""

    def __init__(
        self, context: dict[str, str], proxy: Any, operation: str, *arguments: Any
    ) -> None:
        self._end = getattr(proxy, f"end_{operation}")
        self._begun = getattr(proxy, f"begin_{operation}")(*arguments, _ctx=context)

    def result(self) -> Any:
        return self._end(self._begun)


def in_flight(works: Iterable[Work], most: int) -> None:
    """Does all of `works`, `most` of them at once, each in turn as far as it gets without waiting.

    The first error ends it: what is under way is finished, the rest not begun.
    """
    waiting: deque[tuple[Work, Awaited]] = deque()
    failures: list[Exception] = []

    def go_on(work: Work, awaited: Awaited | None = None) -> None:
        try:
            try:
                result = awaited.result() if awaited else None
            except Exception as error:
                waiting.append((work, work.throw(error)))
            else:
                waiting.append((work, work.send(result)))
        except StopIteration:
            pass
        except Exception as error:
            failures.append(error)

    for work in works:
        go_on(work)
        while len(waiting) >= most and not failures:
            go_on(*waiting.popleft())
        if failures:
            break
    while waiting:
        go_on(*waiting.popleft())
    if failures:
        raise failures[0]
