"""What the server says, judged."""

from __future__ import annotations

import pytest

from ingest.doctor.server import algorithms, clock, version
from tests.unit.ingest.doctor.places import faults, statuses


@pytest.mark.parametrize(
    ("ahead", "status"), [(0.0, "ok"), (1.5, "ok"), (-10.0, "warn"), (95.0, "fix"), (-95.0, "fix")]
)
def test_clocks_apart(ahead: float, status: str) -> None:
    (found,) = clock(ahead)
    assert found.status == status
    if status != "ok":
        assert "NTP" in found.remedy
        assert ("behind" if ahead < 0 else "ahead of") in found.finding


def test_versions() -> None:
    assert statuses(version("5.6.15")) == {"ok"}
    assert statuses(version("5.10.0")) == {"ok"}
    assert statuses(version("5.4.9-ice36-b102")) == {"warn"}
    assert statuses(version("")) == {"ok"}


def test_algorithm_that_is_not_offered() -> None:
    found = list(algorithms(["SHA1-160", "MD5-128"], {"Murmur3-128", "auto"}))
    assert faults(found) == ["the server does not compute Murmur3-128"]
    assert "SHA1-160, MD5-128" in found[0].remedy
    assert faults(algorithms([], {"auto"}))


def test_algorithm_that_compares_no_bytes() -> None:
    assert statuses(algorithms(["File-Size-64"], {"File-Size-64"})) == {"ok", "warn"}
    assert statuses(algorithms(["File-Size-64", "SHA1-160"], {"auto"})) == {"ok"}
