"""Runs the workflow over many rows, kills it at random moments, and looks what came of it.

    python tests/soak/many_rows.py --rows 10000 --kills 2

Now the main process alone is killed, so that its jobs go on without it, now all there is. The same
command is given again each time. At the end every row is in OMERO once, annotated once, nothing is
left over, and no stage has done any row twice.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow" / "scripts"), str(ROOT / "benchmarks")]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])

import scale_stand  # noqa: E402
import stand  # noqa: E402

from ingest.config import load  # noqa: E402
from ingest.digests import digest_file  # noqa: E402
from ingest.journal import JOURNAL  # noqa: E402
from ingest.omero.session import Session, SessionPool  # noqa: E402
from ingest.plan import load_index  # noqa: E402
from ingest.summary import STAGES, all_ok  # noqa: E402
from tests.fixtures.world import World  # noqa: E402

SAID_EVERY = 20.0  # seconds


class Soak:
    def __init__(self, folder: Path, rows: int, batch_size: str, seed: int) -> None:
        self.folder, self.rows, self.batch_size = folder, rows, batch_size
        self.results, self.store = folder / "results", folder / "omero-embedded"
        self._random = random.Random(seed)
        self._kills = 0

    def run(self, kills: int) -> str:
        """The whole soak; what it did, in words. AssertionError when something is wrong."""
        began = time.monotonic()
        self.manifest = scale_stand.write_filesets(self.folder / "data", self.rows)
        before = self._sources()
        (self.folder / "config").mkdir()
        shutil.copy(ROOT / "config" / "config.yaml", self.folder / "config")
        for moment in sorted(self._random.uniform(0.02, 0.95) for _ in range(kills)):
            self._run_until(moment)
        self._run_until(None)
        assert self._sources() == before, "sources changed"
        self._check_records()
        with stand.server(self.store):
            self._check_omero()
        seconds = time.monotonic() - began
        return f"{self.rows} rows, killed {self._kills} times, {seconds:.0f} s: all as it should be"

    def _run_until(self, moment: float | None) -> None:
        """Runs Snakemake until this part of all jobs has left its records, or to its end."""
        command = ["snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--workflow-profile", str(ROOT / "profiles" / "default")]
        command += ["--directory", str(self.folder)]
        command += ["--config", f"manifest={self.manifest}", f"batch_size={self.batch_size}"]
        with (self.folder / f"run-{self._kills}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            said = 0.0
            while process.poll() is None:
                done = self._done()
                if time.monotonic() - said > SAID_EVERY:
                    said = time.monotonic()
                    print(f"{done:.0%} of the jobs done", flush=True)
                if moment is not None and done >= moment:
                    # A moment at which nothing has just been finished.
                    time.sleep(self._random.uniform(0, 3))
                    self._kill(process)
                    return
                time.sleep(0.2)
        assert moment is None, "the run ended before it was killed"
        assert process.returncode == 0, (self.folder / f"run-{self._kills}.log").read_text()[-3000:]

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        alone = self._kills % 2 == 0
        print(f"killing {'the main process' if alone else 'all processes'}", flush=True)
        if alone:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._kills += 1

    def _done(self) -> float:
        try:
            jobs = len(STAGES) * len(load_index(self.results).batches)
        except Exception as error:  # there is no plan yet
            assert type(error).__name__ == "PlanError", error
            return 0.0
        return sum(len(list((self.results / stage).glob("*.jsonl"))) for stage in STAGES) / jobs

    def _sources(self) -> dict[str, tuple[int, str]]:
        return {
            str(path): (path.stat().st_mtime_ns, digest_file(path, ["BLAKE3"]).digests["BLAKE3"])
            for path in sorted((self.folder / "data").rglob("*.tif"))
        }

    def _check_records(self) -> None:
        """Every row is done by every stage, and no stage did a row again that it had done."""
        assert all_ok(self.results / "imported.csv")
        with (self.results / "imported.csv").open(newline="") as table:
            ids = [row["fileset_id"] for row in csv.DictReader(table)]
        assert len(set(ids)) == len(ids) == self.rows
        journals = list((self.results / JOURNAL).rglob("*.jsonl"))
        assert len(journals) == self.rows
        for path in journals:
            done: Counter[str] = Counter()
            for line in path.read_bytes().splitlines():
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # the killed process did not finish it
                if event["event"] == "done":
                    done[event["stage"]] += 1
            assert done == dict.fromkeys(STAGES, 1), f"{path.name}: {dict(done)}"

    def _check_omero(self) -> None:
        options = {"omero": {"embedded": True, "embedded_folder": str(self.store)}}
        sessions = SessionPool(load(options))
        session = sessions.get()
        facts = json.loads((self.store / "server.json").read_text())
        World(session, Path(facts["managed_repository"])).check_nothing_is_left_over()
        assert _count(session, "Fileset") == self.rows
        assert _count(session, "Image") == self.rows
        assert _count(session, "DatasetImageLink") == self.rows
        assert _count(session, "MapAnnotation") == 2 * self.rows  # key-values, and the source
        assert _count(session, "TagAnnotation") == 2
        assert _count(session, "ImageAnnotationLink") == 4 * self.rows
        sessions.close()


def _count(session: Session, of: str) -> int:
    [[number]] = session.rows(f"select count(o.id) from {of} o")
    return int(number)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--batch-size", default="auto")
    parser.add_argument("--seed", type=int, default=None, help="default: another every time")
    options = parser.parse_args()
    seed = random.randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="soak-rows-"))
    print(Soak(folder, options.rows, options.batch_size, seed).run(options.kills))
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
