"""What a job of a stage asks of a cluster: minutes, memory and processors.

They grow with the batch, so that small batches find a place soon and large ones are not killed, and
with each attempt, because a job that was killed for its time or memory would be killed again. The
rates are those of a slow site; a profile's set-resources takes their place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.conversion.options import Converter
from ingest.plan import Batch

GIGABYTE = 1_000_000_000
MOST_GROWTH = 4  # a job's need is doubled with each attempt, but no more than this
MOST_CPUS = 8
MOST_MEMORY_FOR_BYTES = 4_000  # MB: large filesets have much metadata, but not without end


@dataclass(frozen=True)
class Needs:
    """Of a stage: `minutes` and `memory_mb` of any job, and what filesets and gigabytes add."""

    minutes: float
    minutes_per_gigabyte: float
    memory_mb: int
    gigabytes_per_cpu: float = 0  # 0: one processor is enough


# Two Snakemake processes take 250 MB, Bio-Formats up to 1 GB. Minutes per gigabyte are those of a
# file server with 50 MB/s; a transfer copies and reads again, a server that imports reads twice.
NEEDS = {
    "convert": Needs(30, 2, 1_500),
    "checksum": Needs(20, 0.5, 1_000, gigabytes_per_cpu=50),
    "transfer": Needs(20, 1, 1_000, gigabytes_per_cpu=50),
    "import": Needs(60, 1, 1_000),
    "annotate": Needs(20, 0, 1_000),
}
MINUTES_PER_FILESET = 0.2


def minutes(stage: str, batch: Batch, attempt: int, converters: Iterable[Converter] = ()) -> int:
    """Wall time of a job. With `converters`, one fileset may take as long as the slowest may."""
    needs = NEEDS[stage]
    one = max((each.time_limit_minutes for each in converters), default=0)
    all_bytes = needs.minutes_per_gigabyte * batch.bytes / GIGABYTE
    expected = needs.minutes + max(one, all_bytes + MINUTES_PER_FILESET * batch.filesets)
    return round(expected * _growth(attempt))


def memory_mb(stage: str, batch: Batch, attempt: int, converters: Iterable[Converter] = ()) -> int:
    """Memory of a job; with `converters`, what the hungriest may take comes to it."""
    needs = NEEDS[stage]
    converter = max((each.memory_mb or 0 for each in converters), default=0)
    for_bytes = min(10 * batch.bytes // GIGABYTE, MOST_MEMORY_FOR_BYTES)
    return (needs.memory_mb + converter + for_bytes) * _growth(attempt)


def cpus(stage: str, batch: Batch, attempt: int) -> int:
    """Processors of a job; more of them for an attempt whose predecessor may have been too slow."""
    each = NEEDS[stage].gigabytes_per_cpu
    if not each:
        return 1
    return min(MOST_CPUS, (1 + int(batch.bytes / GIGABYTE / each)) * _growth(attempt))


def _growth(attempt: int) -> int:
    return min(2 ** (attempt - 1), MOST_GROWTH)
