"""Audits after a run: they find what was broken since, and nothing else."""

from __future__ import annotations

from tests.integration.audit.house import House


def test_nothing_is_found_after_a_run(house: House, archive: House) -> None:
    for each in (house, archive):
        for mode in ("full", "fast"):
            assert each.audit(mode=mode) == set(), (each.results / "audit.txt").read_text()
            print((each.results / "audit.txt").read_text())
