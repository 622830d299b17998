"""Measures the importer against the embedded server: `python benchmarks/import.py [--quick]`.

Each case has a new server and a client process of its own, so that CPU time and memory are that
client's alone. What the numbers mean is in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow" / "scripts")]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])

STARTS = 10


@dataclass(frozen=True)
class Measured:
    """One case: seconds of the clock and of CPU, and the client's memory at most (MiB)."""

    order: str
    filesets: int
    files: int
    seconds: float
    client_cpu: float
    memory: float
    server_cpu: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the numbers")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--start-up", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        order, server, data = options.case
        print(json.dumps(_ORDERS[order](Path(server), Path(data))))
    elif options.start_up:
        start_up(options.start_up)
    else:
        report(10 if options.quick else 1)


def report(divisor: int) -> None:
    many, few = 1000 // divisor, 100 // divisor
    files, fewer = 10000 // divisor, 1000 // divisor
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python", end=" ")
    print(f"{platform.python_version()}, load {os.getloadavg()[0]:.1f}\n", flush=True)

    one_each = [measure("ours", few, 1), measure("serial", many, 1), measure("ours", many, 1)]
    in_one = [measure("ours", 1, fewer), measure("serial", 1, files), measure("ours", 1, files)]
    far = [
        measure("serial", few, 1, 2.0),
        measure("ours", few, 1, 2.0),
        measure("serial", 1, fewer, 2.0),
        measure("ours", 1, fewer, 2.0),
    ]
    starts = sorted(_start_up_seconds())

    table("Filesets of one file", one_each[1:], "filesets")
    table("One fileset of many files", in_one[1:], "files")
    table("The same, every call answered 2 ms later: filesets", far[:2], "filesets")
    table("The same, every call answered 2 ms later: files", far[2:], "files")
    print("\n### Memory of the importing process\n\n| filesets | files each | MiB at most |")
    print("|---:|---:|---:|")
    for case in (one_each[0], one_each[2], in_one[0], in_one[2]):
        print(f"| {case.filesets} | {case.files} | {case.memory:.0f} |")
    print("\n### Start of an import job: interpreter to first call to OMERO\n")
    print(f"median {starts[len(starts) // 2]:.2f} s, ", end="")
    print(f"from {starts[0]:.2f} to {starts[-1]:.2f} s in {len(starts)} starts")


def table(title: str, cases: list[Measured], unit: str) -> None:
    print(f"\n### {title}\n")
    print(f"| order | {unit} | s | {unit}/s | times | client ms | server ms |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for case in cases:
        number = case.files if unit == "files" else case.filesets
        print(
            f"| {case.order} | {number} | {case.seconds:.1f} | {number / case.seconds:.1f} "
            f"| {cases[0].seconds / case.seconds:.1f} | {1000 * case.client_cpu / number:.2f} "
            f"| {1000 * case.server_cpu / number:.2f} |"
        )


def measure(order: str, filesets: int, files: int, milliseconds: float = 0.0) -> Measured:
    """One case in processes of its own; `milliseconds` is what each answer comes later."""
    import stand

    def say(what: str) -> None:
        far = f", {milliseconds:g} ms away" if milliseconds else ""
        print(f"{order}, {filesets} x {files} files{far}: {what}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="import-benchmark-") as name:
        folder = Path(name)
        say("making the files")
        stand.write_filesets(folder, filesets, files)
        with stand.server(folder / "omero") as process:
            say("importing")
            _client("serial", folder / "omero", _warm_up(folder))
            before = stand.cpu_seconds(process)
            if milliseconds:
                with stand.farther_away(folder / "omero", milliseconds) as farther:
                    found = _client(order, farther, folder)
            else:
                found = _client(order, folder / "omero", folder)
            server_cpu = stand.cpu_seconds(process) - before
    measured = Measured(order, filesets, files, server_cpu=server_cpu, **found)
    say(json.dumps(asdict(measured)))
    return measured


def _warm_up(folder: Path) -> Path:
    """One import before the clock runs: the server starts its Java machine with the first."""
    import stand

    data = folder / "warm-up"
    data.mkdir()
    stand.write_filesets(data, 1, 1)
    return data


def _client(order: str, server: Path, data: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--case", order, str(server), str(data)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _ours(server: Path, data: Path) -> dict[str, float]:
    """The import job as it runs in the workflow, but for Snakemake."""
    import stand

    from ingest.context import Context
    from ingest.journal import Journal
    from ingest.records import read_records
    from ingest.runner import run_batch
    from ingest.stages.importing import STAGE

    results = data / "results"
    context = Context(_config(server), results, Journal(results / "journal"), threads=2)
    context.sessions.get()

    def work() -> None:
        plan, records = data / stand.PLAN, data / stand.RECORDS
        run_batch(STAGE, plan, records, results / "import.jsonl", context, "benchmark")

    found = _clocked(work)
    failed = [r.cause for r in read_records(results / "import.jsonl").values() if not r.succeeded]
    context.close()
    if failed:
        raise RuntimeError(f"{len(failed)} filesets were not imported: {failed[0]}")
    return found


def _serial(server: Path, data: Path) -> dict[str, float]:
    """The same filesets in the protocol's plain order."""
    import serial_order
    import stand

    from ingest.omero.fileset_graph import ImportRequest
    from ingest.omero.session import SessionPool
    from ingest.records import read_records

    records = read_records(data / stand.RECORDS)
    sessions = SessionPool(_config(server))
    client = sessions.get().client

    def work() -> None:
        for name, record in records.items():
            request = ImportRequest(name, record.files, "ln_s", stand.ALGORITHM)
            serial_order.import_serially(client, request)

    found = _clocked(work)
    sessions.close()
    return found


_ORDERS: dict[str, Callable[[Path, Path], dict[str, float]]] = {"ours": _ours, "serial": _serial}


def _clocked(work: Callable[[], None]) -> dict[str, float]:
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": time.monotonic() - started,
        "client_cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "memory": after.ru_maxrss / 1024,
    }


def _config(server: Path) -> Any:
    from ingest.config import load

    return load({"omero": {"embedded": True, "embedded_folder": str(server)}})


def _start_up_seconds() -> list[float]:
    import stand

    found = []
    with tempfile.TemporaryDirectory(prefix="import-benchmark-") as name:
        folder = Path(name) / "omero"
        with stand.server(folder):
            for number in range(STARTS):
                print(f"start {number + 1} of {STARTS}", file=sys.stderr, flush=True)
                started = time.monotonic()
                command = [sys.executable, __file__, "--start-up", str(folder)]
                done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
                found.append(float(done.stdout) - started)
    return found


def start_up(server: Path) -> None:
    """What an import job does before its first call; prints when that is, by the system's clock."""
    import ingest.runner
    import ingest.stages.importing  # noqa: F401
    from ingest.omero import session

    create_session = session.omero.clients.BaseClient.createSession

    def first_call(*arguments: Any) -> Any:
        print(time.monotonic(), flush=True)
        return create_session(*arguments)

    session.omero.clients.BaseClient.createSession = first_call
    sessions = session.SessionPool(_config(server))
    sessions.get()
    sessions.close()


if __name__ == "__main__":
    main()
