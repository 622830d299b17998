"""Many items, some at a time: for questions and transactions that may hold only so many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

IDS_OF_A_QUERY = 1000  # that OMERO is asked about at once

T = TypeVar("T")


def in_chunks(items: Iterable[T], size: int = IDS_OF_A_QUERY) -> Iterator[list[T]]:
    """`items` in lists of `size`, the last of what is left; none is taken before it is due."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
