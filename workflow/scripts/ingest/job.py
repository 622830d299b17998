"""A stage's job, as its rule starts it: `python -m ingest.job STAGE --input PLAN RECORDS ...`.

Not a `script:` of Snakemake's: that reads the script once for each job that it plans, and has the
job load Snakemake. The configuration comes in the environment, as JSON: it may be longer than a
command line, and other users see those.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
from pathlib import Path

CONFIG = "INGEST_CONFIG"
MODULES = {"import": "importing"}  # of stages; the others are called as their stage is


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ingest.job", description="Run one stage on one batch."
    )
    parser.add_argument("stage", help="convert, checksum, transfer, import or annotate")
    parser.add_argument(
        "--input",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="the batch's plan, followed by the previous stage's records if there is one",
    )
    parser.add_argument("--output", type=Path, required=True, help="file for the stage's records")
    parser.add_argument("--log", type=Path, required=True, help="file for the log")
    parser.add_argument("--threads", type=int, required=True, help="number of threads to use")
    asked = parser.parse_args()
    plan, *others = asked.input

    # Thousands of classes are loaded and stay: nothing to look for garbage in.
    gc.disable()
    from ingest.config import load
    from ingest.runner import StageJob, run_stage

    module = importlib.import_module(f"ingest.stages.{MODULES.get(asked.stage, asked.stage)}")
    gc.enable()
    upstream = others[0] if others else None
    job = StageJob(plan.stem, plan, upstream, asked.output, asked.log, asked.threads)
    run_stage(module.STAGE, job, load(json.loads(os.environ[CONFIG])))


if __name__ == "__main__":
    main()
