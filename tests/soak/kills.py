"""Kills import jobs, and now and then the server, at random moments; then looks what came of it.

    python tests/soak/kills.py --kills 200 --seed 7

Jobs are processes of their own that import batches of filesets by all transfers. A job that was
killed is started again, until its batch is done. At the end every row has exactly one fileset,
complete, and nothing else is left in OMERO, its repository or among the sources.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ingest.batch_lock import batch_lock
from ingest.records import read_records
from ingest.runner import run_batch
from ingest.stages import importing
from tests.fixtures import forked
from tests.fixtures.world import Source, World
from tests.integration.ingest_omero.rig import Rig, Server, write_image

TRANSFERS = ("ln_s", "ln", "ln_rm", "cp", "cp_rm", "upload", "upload_rm")
ROWS = 5  # per batch
JOBS = 2  # at once
LIFE = (0.05, 1.2)  # of the time that a job takes when it is left alone: when it is killed
SERVER_EVERY = 20  # kills of jobs for each one of the server
LONGEST = 300.0  # seconds; no job that is left alone takes longer
OPTIONS = {"import": {"retry_seconds": 60}}


@dataclass
class Batch:
    """A batch, its rows' sources as they were, and their transfers."""

    rig: Rig
    sources: dict[str, tuple[Source, str]] = field(default_factory=dict)

    def is_done(self) -> bool:
        output = self.rig.folder / "import.jsonl"
        if not output.exists():
            return False
        failed = [r for r in read_records(output).values() if r.status != "ok"]
        assert not failed, f"{failed[0].fileset}: {failed[0].cause}"
        return True


def work(folder: Path, store: Path) -> None:
    """One job: the import stage over its batch."""
    rig = Rig(folder, Server(store), OPTIONS)
    lock = rig.context.results / "lock"
    with batch_lock(lock, "import", rig.context.log, on_lost=lambda: os._exit(1)):
        plan, upstream = folder / "plan.jsonl", folder / "transfer.jsonl"
        run_batch(importing.STAGE, plan, upstream, folder / "import.jsonl", rig.context, "b")
    rig.close()


class Soak:
    def __init__(self, folder: Path, kills: int, seed: int) -> None:
        self.folder = folder
        self.server = Server(folder / "omero")
        self.wanted, self.killed, self.server_killed = kills, 0, 0
        self._random = random.Random(seed)
        self._whole_life = 0.0  # seconds
        self._lock = threading.Lock()
        self._batches: list[Batch] = []

    def run(self) -> str:
        """The whole soak; what it did, in words. AssertionError when something is wrong."""
        began = time.monotonic()
        self.server.start()
        try:
            self._prepare()
            with ThreadPoolExecutor(JOBS) as executor:
                for done in [executor.submit(self._work) for _ in range(JOBS)]:
                    done.result()
            rows = self._check()
        finally:
            self.server.stop()
        return (
            f"{self.killed} jobs and {self.server_killed} servers killed, {rows} filesets in "
            f"{len(self._batches)} batches, {time.monotonic() - began:.0f} s: all as it should be"
        )

    def _prepare(self) -> None:
        """Targets, made once: each new batch takes them over. And how long a job takes."""
        first = Rig(self.folder / "first", self.server, OPTIONS)
        for number in range(ROWS):
            path = write_image(first.folder / f"{number}.tif", number)
            target = "Dataset:@name:Own" if number else "Dataset:name:Soak"
            first.add(f"first-{number}", [path], target=target, import_transfer="cp")
        first.targets()
        first.checksum()
        first.close()
        began = time.monotonic()
        work(first.folder, self.server.folder)
        self._whole_life = time.monotonic() - began

    def _work(self) -> None:
        while (batch := self._next_batch()) is not None:
            while not batch.is_done():
                self._run_job(batch)

    def _next_batch(self) -> Batch | None:
        with self._lock:
            if self.killed >= self.wanted:
                return None
            rig = Rig(self.folder / f"batch-{len(self._batches)}", self.server, OPTIONS)
            batch = Batch(rig)
            self._batches.append(batch)
            transfers = [self._random.choice(TRANSFERS) for _ in range(ROWS)]
            targets = [self._random.choice(("Soak", "@Own")) for _ in range(ROWS)]
        targets_file = self.folder / "first" / "results" / "targets.json"
        shutil.copy(targets_file, rig.context.results)
        for number, (transfer, target) in enumerate(zip(transfers, targets, strict=True)):
            path = write_image(rig.folder / f"{number}.tif", number)
            name = f"{rig.folder.name}-{number}"
            prefix = "Dataset:@name:" if target.startswith("@") else "Dataset:name:"
            target = prefix + target.removeprefix("@")
            rig.add(name, [path], target=target, import_transfer=transfer)
            batch.sources[name] = (Source.remember(path), transfer)
        rig.plan()
        rig.checksum()
        return batch

    def _run_job(self, batch: Batch) -> None:
        job = forked.start(work, batch.rig.folder, self.server.folder)
        with self._lock:
            life = self._random.uniform(*LIFE) * self._whole_life
            if self.killed >= self.wanted:
                life = LONGEST
        ended = forked.exit_code(job, life)
        if ended is None:
            assert life < LONGEST, "a job does not come to its end"
            job.kill()
            forked.exit_code(job)
            with self._lock:
                self.killed += 1
                if self.killed % SERVER_EVERY == 0:
                    self.server.kill()
                    self.server_killed += 1
                    self.server.start()
        else:
            assert ended == 0, f"a job ended with {ended}"

    def _check(self) -> int:
        rig = Rig(self.folder / "check", self.server)
        world = World(rig.omero, self.server.repository)
        rows, own = 0, ROWS - 1
        for batch in self._batches:
            for source, transfer in batch.sources.values():
                world.check_imported([source], transfer)
            rows += len(batch.sources)
            own += sum(row.target == "Dataset:@name:Own" for row in batch.rig.filesets)
        world.check_nothing_is_left_over()
        assert world.containers_named("Soak") == 1
        assert world.containers_named("Own") == own
        rig.close()
        return rows


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="default: another every time")
    options = parser.parse_args(arguments)
    seed = random.randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    print(Soak(folder, options.kills, seed).run())
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    # Jobs find their function by its module's name, which is not __main__ there.
    from tests.soak import kills

    sys.exit(kills.main())
