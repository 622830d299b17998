"""Measures the jobs of the stages: `python benchmarks/stages.py [--rows 200] [--batch-sizes ...]`.

CPU time of each stage's job over one batch, as its rule starts it, next to one process that does
all stages over the same batch ("fused"). What the numbers mean is in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow" / "scripts")]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])

BATCH_SIZES = (1, 50, 100, 250, 500)
FUSED = """
import runpy, sys
for arguments in {jobs!r}:
    sys.argv = arguments
    runpy.run_module("ingest.job", run_name="__main__")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=BATCH_SIZES)
    options = parser.parse_args()
    from ingest.summary import STAGES

    print(f"load {os.getloadavg()[0]:.1f}\n\nms of CPU a fileset\n")
    print(f"| batch size | {' | '.join(STAGES)} | together | fused |")
    print(f"|---:|{'---:|' * (len(STAGES) + 2)}", flush=True)
    for size in options.batch_sizes:
        with tempfile.TemporaryDirectory(prefix="stages-benchmark-") as folder:
            apart, fused = measure(Path(folder), size)
        cells = [*apart, sum(apart), fused]
        print(f"| {size} | {' | '.join(f'{1000 * c / size:.1f}' for c in cells)} |", flush=True)


def measure(folder: Path, rows: int) -> tuple[list[float], float]:
    """CPU seconds of each stage's job over `rows` filesets, and of one process for all of them."""
    import scale_stand
    import stand

    from ingest.config import load
    from ingest.context import Context
    from ingest.journal import JOURNAL, Journal
    from ingest.omero.targets import resolve_all
    from ingest.plan import compile_plan

    apart: list[float] = []
    fused = 0.0
    with stand.server(folder / "server"):
        for way in ("apart", "fused"):
            results = folder / way / "results"
            manifest = scale_stand.write_filesets(folder / way / "data", rows)
            options = {
                "manifest": str(manifest),
                "results": str(results),
                "batch_size": rows,
                "omero": {"embedded_folder": str(folder / "server")},
            }
            [batch] = compile_plan(load(options)).batches
            plan = results / "plan" / f"{batch}.jsonl"
            context = Context(load(options), results, Journal(results / JOURNAL))
            resolve_all([plan], context)
            context.close()
            os.environ["INGEST_CONFIG"] = json.dumps(options)
            if way == "apart":
                apart = [cpu(["-m", *job]) for job in _jobs(results, batch)]
            else:
                fused = cpu(["-c", FUSED.format(jobs=_jobs(results, batch))])
    return apart, fused


def _jobs(results: Path, batch: str) -> list[list[str]]:
    """The arguments of each stage's job, in order."""
    from ingest.summary import STAGES

    before = str(results / "plan" / f"{batch}.jsonl")
    jobs = []
    for stage in STAGES:
        output = str(results / stage / f"{batch}.jsonl")
        inputs = [str(results / "plan" / f"{batch}.jsonl"), before]
        log = str(results / "logs" / stage / f"{batch}.log")
        inputs = inputs[:1] if stage == STAGES[0] else inputs
        jobs.append(
            ["ingest.job", stage, "--threads", "1", "--input", *inputs, "--output", output,
             "--log", log]
        )  # fmt: skip
        before = output
    return jobs


def cpu(arguments: list[str]) -> float:
    """CPU time of a Python process and of those it waited for; RuntimeError when it fails."""
    process = subprocess.Popen([sys.executable, *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{arguments} failed")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
