"""A poller to be killed: takes orders and runs their intakes, one after the other, until it ends.

A run is pretended: it leaves a line in the intake, and the plan, records and verdict of a good one.
Usage: poller.py SOURCE INTAKES
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ingest.intakes import Outcome, intakes_of
from ingest.orders.way_in import NAME, OrdersWayIn
from tests.integration.orders.pretended import config_for, pretend_run


def main(source: Path, folder: Path) -> None:
    way_in = OrdersWayIn(config_for(source, folder))
    while True:
        way_in.collect()
        for intake in intakes_of(folder / NAME):
            if not intake.complete and way_in.prepare(intake):
                with (intake.folder / "runs").open("a") as runs:
                    runs.write("run\n")
                pretend_run(intake, source)
                way_in.report(Outcome(intake, 0, 1))
            elif not (intake.folder / "told").exists():
                way_in.report(Outcome(intake, 0, 1))  # it may have been killed before it told
                (intake.folder / "told").touch()
        time.sleep(0.05)


if __name__ == "__main__":
    os.fsync = lambda descriptor: None  # it is killed; the machine does not lose its power
    main(Path(sys.argv[1]), Path(sys.argv[2]))
