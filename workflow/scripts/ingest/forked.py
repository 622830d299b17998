"""Looks at many things, shared among processes: several processors look at once, and while one
process waits for a network file system the others do not."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Sequence
from typing import BinaryIO, TypeVar

PROCESSES = 4  # at most
LEAST = 2_500  # items for each; fewer take no longer than another process's start

S = TypeVar("S")
T = TypeVar("T")


def in_processes(look: Callable[[Sequence[S]], T], items: Sequence[S]) -> list[T]:
    """What `look` returns for each of some parts of `items`, in their order.

    The first part is this process's, each other one is a copy's of it. So `look` must do nothing
    but look: what a copy changes in its memory is lost, and it may outlive a process that is
    killed. A part whose copy failed is looked at here, which tells the error.
    """
    size = max(LEAST, -(-len(items) // PROCESSES))
    own, *others = [items[start : start + size] for start in range(0, len(items), size)] or [items]
    copies = [_copy(look, part) for part in others]
    try:
        found = [look(own)]
        for part, (_, answer) in zip(others, copies, strict=True):
            try:
                found.append(pickle.loads(answer.read()))
            except (EOFError, pickle.UnpicklingError):
                found.append(look(part))
        return found
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
