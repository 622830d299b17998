"""Two pollers, killed again and again, over a thousand orders: one of them does each, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from biomero_importer.utils.ingest_tracker import (
    STAGE_IMPORTED,
    STAGE_INGEST_STARTED,
    STAGE_NEW_ORDER,
)
from sqlalchemy import text

from ingest.intakes import Intake, intakes_of
from ingest.orders.way_in import NAME
from tests.fixtures.waiting import PATIENCE
from tests.integration.orders.biomero import Biomero

ORDERS = 1_000
KILLS = 12
ROOT = Path(__file__).resolve().parents[3]


def start(source: Path, folder: Path) -> subprocess.Popen[bytes]:
    paths = [ROOT, ROOT / "workflow" / "scripts"]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.orders.poller", source, folder],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
    )


def stages(biomero: Biomero) -> Counter[str]:
    with biomero.tracker.engine.connect() as connection:
        return Counter(connection.scalars(text("select stage from imports")))


def test_each_order_is_done_once(biomero: Biomero, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.tif").write_bytes(b"MM\0*")
    first = {biomero.order(["/data/a.tif"]) for _ in range(ORDERS // 2)}
    folders = [tmp_path / "one", tmp_path / "two"]
    pollers = [start(source, folder) for folder in folders]
    chance = random.Random(7)
    moments = sorted(chance.sample(range(10, ORDERS - 100), KILLS))  # orders that are done
    late: set[str] = set()
    try:
        seen, since = 0, time.monotonic()
        while (done := stages(biomero)[STAGE_IMPORTED]) < ORDERS:
            if done > seen:
                seen, since = done, time.monotonic()
            assert time.monotonic() - since < PATIENCE, f"{done} orders are done"
            # They come while pollers are at work, too.
            new = min(ORDERS // 20, ORDERS - len(first) - len(late))
            late |= {biomero.order(["/data/a.tif"]) for _ in range(new)}
            time.sleep(chance.uniform(0, 0.3))
            if moments and done >= moments[0]:
                moments = [moment for moment in moments if moment > done]
                which = chance.randrange(2)
                pollers[which].send_signal(signal.SIGKILL)
                pollers[which].wait()
                pollers[which] = start(source, folders[which])
    finally:
        for poller in pollers:
            poller.kill()
            poller.wait()
    orders = first | late
    taken = [{intake.id for intake in intakes_of(folder / NAME)} for folder in folders]
    assert not taken[0] & taken[1] and taken[0] | taken[1] == orders
    assert all(len(each) > ORDERS // 50 for each in taken)  # both were at work
    for folder in folders:
        for intake in intakes_of(folder / NAME):
            assert_done(intake)
    counted = stages(biomero)
    assert counted == {
        STAGE_NEW_ORDER: ORDERS,
        STAGE_INGEST_STARTED: ORDERS,
        STAGE_IMPORTED: ORDERS,
    }
    with biomero.tracker.engine.connect() as connection:
        each = connection.scalars(
            text("select count(distinct stage) from imports group by uuid having count(*) = 3")
        )
        assert list(each) == [3] * ORDERS


def assert_done(intake: Intake) -> None:
    assert intake.complete and (intake.folder / "runs").exists()
