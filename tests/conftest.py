import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import imageformats
from imageformats import Grouping
from imageformats.apart import grouping_apart

# How long an example takes says more about the machine than about the code.
settings.register_profile(
    "omero-ingest",
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("omero-ingest")

# Whoever runs the tests may be at home at an OMERO, or give Snakemake options of their own.
for name in list(os.environ):
    if name.startswith(("OMERO_", "INGEST_", "SNAKEMAKE_")):
        del os.environ[name]


@pytest.fixture(scope="session")
def bioformats() -> Iterator[Grouping]:
    with grouping_apart(3600) as fileset_of:
        yield fileset_of


@pytest.fixture(autouse=True)
def _java_is_started_once(bioformats: Grouping, monkeypatch: pytest.MonkeyPatch) -> None:
    """That takes two seconds, and what is done in this process needs it in many tests. Where the
    limit matters, which is a short one then, it is started."""

    def shared(limit: float, *environment: Mapping[str, str]) -> AbstractContextManager[Grouping]:
        return nullcontext(bioformats) if limit >= 600 else grouping_apart(limit, *environment)

    monkeypatch.setattr(imageformats, "grouping_apart", shared)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Of several processes each sends its reports as UTF-8, which the names of files in their words
    need not be."""
    return _as_utf8((yield))


def _as_utf8(told: Any) -> Any:
    if isinstance(told, str):
        return told.encode(errors="backslashreplace").decode()
    if isinstance(told, dict):
        return {_as_utf8(key): _as_utf8(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return type(told)(map(_as_utf8, told))
    return told
