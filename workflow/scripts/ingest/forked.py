"""Looks at many things in copies of this process: several processors look at once, and while one
copy waits for a network file system the others do not."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, TypeVar

COPIES = 4  # at most
LEAST = 2_500  # items for each; fewer take no longer than another process's start

S = TypeVar("S")
T = TypeVar("T")


@contextmanager
def in_copies(
    look: Callable[[Sequence[S]], T], items: Sequence[S]
) -> Iterator[Callable[[], list[T]]]:
    """Has copies of this process look at some parts of `items` each, while it goes on.

    What it gets is a function that waits for them, and returns what `look` returned for each part,
    in their order. `look` must do nothing but look: what a copy changes in its memory is lost, and
    it may outlive a process that is killed. A part whose copy failed is looked at here, which tells
    the error; and so are items too few for copies.
    """
    size = max(LEAST, -(-len(items) // COPIES))
    parts = [items[start : start + size] for start in range(0, len(items), size)] or [items]
    copies = [_copy(look, part) for part in parts] if len(parts) > 1 else []

    def answers() -> list[T]:
        if not copies:
            return [look(items)]
        return [
            _answer(look, part, answer) for part, (_, answer) in zip(parts, copies, strict=True)
        ]

    try:
        yield answers
    finally:
        for process, answer in copies:
            answer.close()
            os.kill(process, signal.SIGKILL)  # has an effect when this process has failed
            os.waitpid(process, 0)


def _copy(look: Callable[[Sequence[S]], T], part: Sequence[S]) -> tuple[int, BinaryIO]:
    """A copy of this process that looks at `part`, and what its answer can be read from."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, os.fdopen(reading, "rb")
    try:
        os.close(reading)
        with os.fdopen(writing, "wb") as answer:
            answer.write(pickle.dumps(look(part)))
    finally:
        os._exit(0)  # whatever the first process has begun is for itself to end


def _answer(look: Callable[[Sequence[S]], T], part: Sequence[S], answer: BinaryIO) -> T:
    try:
        found: T = pickle.loads(answer.read())
    except (EOFError, pickle.UnpicklingError):
        return look(part)
    return found
