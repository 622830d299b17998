from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

import imageformats
from imageformats import FilesetFiles

from .box import Box


@pytest.fixture(scope="session")
def reader() -> Iterator[Callable[[str], FilesetFiles]]:
    """Bio-Formats in a process of its own, for many scans: Java takes seconds to start."""
    with imageformats.grouping_apart(3600) as fileset_of:
        yield fileset_of


@pytest.fixture
def box(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: Callable[[str], FilesetFiles]
) -> Box:
    monkeypatch.setattr(imageformats, "grouping_apart", lambda _limit: nullcontext(reader))
    return Box(tmp_path, monkeypatch)
