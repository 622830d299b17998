"""Measures planning and running with many rows: `python benchmarks/scale.py [--quick]`.

Each measurement is a Snakemake process of its own, and next to it one of a bare Snakefile with the
same number of batches and empty rules. What the numbers mean is in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow" / "scripts")]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])

ROWS = (1_000, 10_000, 100_000)
MOST_RUN = 10_000  # of more rows only the planning is measured
STARTS = 5
# What the profile could say instead, as options that overrule it; the last one is about run.smk.
BY_ITSELF = "looking for jobs as Snakemake does by itself"
ALTERNATIVES = {
    "the profile's": [],
    "the default scheduler": ["--scheduler", "ilp"],
    "all ready jobs looked at": ["--scheduler-subsample", "1000000"],
    "no metadata": ["--drop-metadata"],
    BY_ITSELF: [],
}
LOOK_SELDOM = "onstart:\n    workflow.scheduler.job_rate_limiter = None\n"


@dataclass(frozen=True)
class Measured:
    """One Snakemake process: seconds of the clock; its own CPU, that of its jobs and that of the
    embedded server; its memory at most (MiB)."""

    seconds: float
    cpu: float
    jobs_cpu: float
    memory: float
    server_cpu: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS, help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="1,000 rows, and a run of 200")
    parser.add_argument("--run-rows", type=int, nargs="*", help="rows of the runs of all stages")
    parser.add_argument("--batch-size", nargs="+", default=["auto"], help="of the runs")
    parser.add_argument("--plan-batch-size", nargs="+", default=["auto"], help="of the dry runs")
    parser.add_argument("--alternatives", type=int, metavar="BATCHES", help="only those, bare")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.child:
        child(options.child, rest)
        return
    if options.alternatives:
        report_alternatives(options.alternatives)
        return
    if rest:
        parser.error(f"unknown: {' '.join(rest)}")
    rows = [1000] if options.quick else options.rows
    run_rows = options.run_rows
    if run_rows is None:
        run_rows = [200] if options.quick else [number for number in rows if number <= MOST_RUN]
    report(rows, run_rows, options.batch_size, options.plan_batch_size)


def child(usage: Path, arguments: Sequence[str]) -> None:
    """Runs Snakemake in this process and leaves what it used in the file `usage`."""
    from snakemake.cli import main as snakemake

    try:
        snakemake(arguments)
    finally:
        own = resource.getrusage(resource.RUSAGE_SELF)
        jobs = resource.getrusage(resource.RUSAGE_CHILDREN)
        facts = {
            "cpu": own.ru_utime + own.ru_stime,
            "jobs_cpu": jobs.ru_utime + jobs.ru_stime,
            "memory": _most_memory(),
        }
        usage.write_text(json.dumps(facts))


def _most_memory() -> float:
    """MiB. (Not ru_maxrss, which begins with the memory of the process that started this one.)"""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def report(
    rows: Sequence[int],
    run_rows: Sequence[int],
    batch_sizes: Sequence[str],
    plan_batch_sizes: Sequence[str],
) -> None:
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python", end=" ")
    print(f"{platform.python_version()}, load {os.getloadavg()[0]:.1f}", flush=True)
    dry, starts, runs = [], [], []
    # Nothing is removed before the end: see `clear` in io.py.
    with tempfile.TemporaryDirectory(prefix="scale-benchmark-") as name:
        for number in rows:
            for batch_size in plan_batch_sizes:
                folder = Path(name, f"plan-{number}-{batch_size}")
                lines, start = measure_planning(folder, number, batch_size)
                dry += lines
                starts.append(start)
        for number in run_rows:
            for batch_size in batch_sizes:
                folder = Path(name, f"run-{number}-{batch_size}")
                runs.append(measure_run(folder, number, batch_size))
    print("\n### Dry runs\n")
    print("| rows | batches | state | s | times bare | CPU s | times bare | MiB | bare MiB |")
    print("|---:|---:|---|---:|---:|---:|---:|---:|---:|")
    print("\n".join(dry))
    print("\n### Start of one job on a node: Snakemake, and a script that does nothing\n")
    print("| rows | s | bare s | CPU s | bare CPU s | MiB | bare MiB |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    print("\n".join(starts))
    print("\n### Runs of all stages\n")
    print("| rows | batch size | batches | s | main ms | jobs ms | server ms | main MiB |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    print("\n".join(runs), flush=True)


def report_alternatives(batches: int) -> None:
    """Runs of the bare Snakefile, whose jobs only touch a file, by other options of Snakemake."""
    import scale_stand

    print("\n### Snakemake's own time for its jobs\n")
    print("| options | jobs | s | main ms a job |\n|---|---:|---:|---:|")
    jobs = 5 * batches
    for name, options in ALTERNATIVES.items():
        with tempfile.TemporaryDirectory(prefix="scale-benchmark-") as folder:
            bare = Path(folder) / "bare"
            scale_stand.write_bare(bare, [f"b{number:05d}" for number in range(batches)])
            if name != BY_ITSELF:
                with (bare / "Snakefile").open("a") as rules:
                    rules.write(LOOK_SELDOM)
            snakefile = ["--snakefile", str(bare / "Snakefile")]
            run = snakemake(Path(folder), [*snakefile, *_options(bare), *options])
        line = f"| {name} | {jobs} | {run.seconds:.0f} | {1000 * run.cpu / jobs:.1f} |"
        print(line, flush=True)


def measure_planning(folder: Path, rows: int, batch_size: str) -> tuple[list[str], str]:
    """Rows of the tables of dry runs and of job starts."""
    import scale_stand

    from ingest.config import load
    from ingest.plan import load_index

    say(f"{rows} rows: making the files")
    manifest = scale_stand.write_filesets(folder / "data", rows)
    ours, bare = folder / "ours", folder / "bare"
    options = _prepared(ours, manifest, f"batch_size={batch_size}")
    dry_run = ["--dry-run", "--snakefile", str(ROOT / "Snakefile"), *options]
    bare_options = ["--snakefile", str(bare / "Snakefile"), *_options(bare)]
    bare_dry_run = ["--dry-run", *bare_options]

    say(f"{rows} rows: dry run, nothing done")
    cold = snakemake(folder, dry_run)
    batches = list(load_index(ours / "results").batches)
    scale_stand.write_bare(bare, batches)
    bare_cold = snakemake(folder, bare_dry_run)
    say(f"{rows} rows: the same, planned before")
    planned = snakemake(folder, dry_run)
    lines = [
        _dry_run_line(rows, batches, "nothing done", cold, bare_cold),
        _dry_run_line(rows, batches, "nothing done, planned before", planned, bare_cold),
    ]

    say(f"{rows} rows: making what a run leaves")
    # Snakemake notes its jobs as done while there is nothing yet that it could touch, which it
    # would do ten times a second.
    as_done = ["--touch", "--no-hooks", "--quiet", "all"]
    snakemake(folder, [*as_done, "--snakefile", str(ROOT / "Snakefile"), *options])
    snakemake(folder, [*as_done, *bare_options])
    scale_stand.finish(ours, batches, load({"manifest": str(manifest)}))
    scale_stand.finish_bare(bare, batches)
    say(f"{rows} rows: dry run, everything done")
    done = snakemake(folder, dry_run, expect="Nothing to be done")
    bare_done = snakemake(folder, bare_dry_run, expect="Nothing to be done")
    lines.append(_dry_run_line(rows, batches, "everything done", done, bare_done))

    say(f"{rows} rows: starts of a job on a node")
    shutil.rmtree(ours / "results" / "logs", ignore_errors=True)
    start = _start(folder, ["--snakefile", str(ROOT / "Snakefile"), *options], batches[-1])
    bare_start = _start(folder, bare_options, batches[-1])
    return lines, (
        f"| {rows} | {start.seconds:.2f} | {bare_start.seconds:.2f} "
        f"| {start.cpu:.2f} | {bare_start.cpu:.2f} | {start.memory:.0f} | {bare_start.memory:.0f} |"
    )


def _start(folder: Path, options: list[str], batch: str) -> Measured:
    """The median of some starts of a batch's job, as an executor of a cluster starts it there."""
    target = ["--target-jobs", f"convert:batch={batch}", "--allowed-rules", "convert"]
    there = ["--mode", "remote", "--force", "--cores", "1", "--no-hooks", "--nolock"]
    # (Not `touch`, and not the stage: what is measured ends where the job's own work begins.)
    only_planned = [*there, "--dry-run", *target]
    found = [snakemake(folder, [*options, *only_planned]) for _ in range(STARTS)]
    return sorted(found, key=lambda measured: measured.seconds)[STARTS // 2]


def measure_run(folder: Path, rows: int, batch_size: str) -> str:
    """A row of the table of runs."""
    import scale_stand

    from ingest.plan import load_index
    from ingest.summary import all_ok

    say(f"run of {rows} rows, batch size {batch_size}: making the files")
    manifest = scale_stand.write_filesets(folder / "data", rows)
    ours = folder / "ours"
    options = _prepared(ours, manifest, f"batch_size={batch_size}")
    say(f"run of {rows} rows, batch size {batch_size}: running")
    watch = ServerWatch(ours / "omero-embedded")
    run = snakemake(folder, ["--snakefile", str(ROOT / "Snakefile"), *options], watch)
    if not all_ok(ours / "results" / "imported.csv"):
        raise RuntimeError("not all filesets were imported")
    batches = load_index(ours / "results").batches
    jobs = run.jobs_cpu - run.server_cpu
    return (
        f"| {rows} | {batch_size} | {len(batches)} | {run.seconds:.0f} "
        f"| {1000 * run.cpu / rows:.2f} | {1000 * jobs / rows:.1f} "
        f"| {1000 * run.server_cpu / rows:.1f} | {run.memory:.0f} |"
    )


class ServerWatch:
    """Follows the CPU time of the embedded server over a folder, and how far the run is."""

    def __init__(self, store: Path) -> None:
        self.cpu = 0.0
        self._store = store
        self._said = time.monotonic()

    def look(self) -> None:
        import scale_stand
        import stand

        process = scale_stand.server_process(self._store)
        if process is not None:
            try:
                self.cpu = stand.cpu_seconds(process)
            except FileNotFoundError:
                return
        if time.monotonic() - self._said > 20:
            self._said = time.monotonic()
            results = self._store.parent / "results"
            stages = ("convert", "checksum", "transfer", "import", "annotate")
            done = {stage: len(list((results / stage).glob("*.jsonl"))) for stage in stages}
            say(f"batches done: {done}")


def snakemake(
    folder: Path, arguments: Sequence[str], watch: ServerWatch | None = None, expect: str = ""
) -> Measured:
    """One run of Snakemake and what it took; RuntimeError when it fails, or does not `expect`."""
    usage, log = folder / "usage.json", folder / "snakemake.log"
    command = [sys.executable, __file__, "--child", str(usage), *arguments]
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
        while True:
            try:
                process.wait(0.5 if watch else None)
                break
            except subprocess.TimeoutExpired:
                assert watch is not None
                watch.look()
    seconds = time.monotonic() - started
    said = log.read_text()
    if process.returncode or expect not in said:
        raise RuntimeError(f"{' '.join(command)} failed:\n{said[-3000:]}")
    found = Measured(seconds, **json.loads(usage.read_text()))
    if watch:
        found = Measured(**{**found.__dict__, "server_cpu": watch.cpu})
    say(f"  {found}")
    return found


def _prepared(folder: Path, manifest: Path, *config: str) -> list[str]:
    """A folder to run the workflow in; Snakemake's options for that."""
    (folder / "config").mkdir(parents=True)
    shutil.copy(ROOT / "config" / "config.yaml", folder / "config")
    return [*_options(folder), "--config", f"manifest={manifest}", *config]


def _options(folder: Path) -> list[str]:
    profile = ROOT / "profiles" / "default"
    return ["--directory", str(folder), "--workflow-profile", str(profile)]


def _dry_run_line(
    rows: int, batches: Sequence[str], state: str, ours: Measured, bare: Measured
) -> str:
    ratio: Callable[[float, float], str] = lambda a, b: f"{a / b:.2f}"  # noqa: E731
    return (
        f"| {rows} | {len(batches)} | {state} "
        f"| {ours.seconds:.1f} | {ratio(ours.seconds, bare.seconds)} "
        f"| {ours.cpu + ours.jobs_cpu:.1f} "
        f"| {ratio(ours.cpu + ours.jobs_cpu, bare.cpu + bare.jobs_cpu)} "
        f"| {ours.memory:.0f} | {bare.memory:.0f} |"
    )


def say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
