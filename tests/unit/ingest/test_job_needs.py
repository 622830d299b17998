"""What jobs ask of a cluster."""

from __future__ import annotations

import pytest

from ingest.conversion.options import Converter
from ingest.job_needs import GIGABYTE, MOST_CPUS, NEEDS, cpus, memory_mb, minutes
from ingest.plan import Batch

SMALL = Batch(1, 1_000_000)
LARGE = Batch(100, 400 * GIGABYTE)


@pytest.mark.parametrize("stage", NEEDS)
def test_needs_grow_with_the_batch_and_with_each_attempt_up_to_a_limit(stage: str) -> None:
    for need in (minutes, memory_mb):
        assert need(stage, SMALL, 1) <= need(stage, LARGE, 1)
        assert 2 * need(stage, LARGE, 1) == pytest.approx(need(stage, LARGE, 2), abs=1)
        assert need(stage, LARGE, 3) == need(stage, LARGE, 9)
    assert minutes(stage, SMALL, 1) < minutes(stage, LARGE, 1)
    assert memory_mb(stage, SMALL, 1) >= 1_000


def test_only_those_who_read_bytes_with_several_threads_ask_for_several_processors() -> None:
    assert [cpus("checksum", SMALL, attempt) for attempt in (1, 2)] == [1, 2]
    assert cpus("checksum", LARGE, 1) == cpus("checksum", LARGE, 2) == MOST_CPUS
    assert cpus("import", LARGE, 2) == 1


def test_a_converter_gets_its_time_and_memory() -> None:
    slow = Converter(runtime="host", command="a {input} {output}", time_limit_minutes=600)
    hungry = Converter(runtime="host", command="a {input} {output}", memory_mb=32_000)
    assert minutes("convert", SMALL, 1, [slow, hungry]) > 600
    assert memory_mb("convert", SMALL, 1, [slow, hungry]) > 32_000
    assert memory_mb("convert", SMALL, 1) < 32_000
