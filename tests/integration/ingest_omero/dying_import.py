"""Imports a plan and dies by SIGKILL at a given step: `dying_import.py STEP REPEATS FOLDER SERVER`.

STEP is one the importer reports, or `module:function`, which kills when it is called for the
REPEATS-th time.
"""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any

from ingest.stages import importing
from tests.integration.ingest_omero.rig import Rig, Server


def die(*_arguments: Any, **_named: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(step: str, repeats: int) -> None:
    if ":" in step:
        module = importlib.import_module(step.split(":")[0])
        name = step.split(":")[1]
        real = getattr(module, name)
        calls = itertools.count(1)

        def dying(*arguments: Any, **named: Any) -> Any:
            if next(calls) == repeats:
                die()
            return real(*arguments, **named)

        setattr(module, name, dying)
        return
    real_import = importing.import_fileset

    def reporting(session: Any, request: Any, mount: Any, report: Any) -> Any:
        return real_import(session, request, mount, lambda at: die() if at == step else report(at))

    importing.import_fileset = reporting


if __name__ == "__main__":
    step, repeats, folder, store = sys.argv[1:]
    rig = Rig(Path(folder), Server(Path(store)))
    arm(step, int(repeats))
    from ingest.runner import run_batch

    rig_plan = rig.folder / "plan.jsonl"
    run_batch(
        importing.STAGE,
        rig_plan,
        rig.folder / "transfer.jsonl",
        rig.folder / "import.jsonl",
        rig.context,
        "b1",
    )
