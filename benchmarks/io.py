"""Measures digests and copies against plain tools: `python benchmarks/io.py [--quick]`.

What the numbers mean is in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# Instead of this file's own folder, whose `io` would be in the way of Python's.
sys.path[:1] = [str(ROOT), str(ROOT / "workflow" / "scripts")]

import mmh3  # noqa: E402
from blake3 import blake3  # noqa: E402

from ingest.atomic import fsync_folder  # noqa: E402
from ingest.config import load  # noqa: E402
from ingest.context import Context  # noqa: E402
from ingest.copying import copy_several, forget_cached  # noqa: E402
from ingest.digests import digest_file  # noqa: E402
from ingest.fileset import Fileset, Record, SourceFile  # noqa: E402
from ingest.journal import Journal  # noqa: E402
from ingest.records import json_lines, write_records  # noqa: E402
from ingest.runner import run_batch  # noqa: E402
from ingest.source_files import handfuls, in_threads  # noqa: E402
from ingest.stages.checksum import STAGE  # noqa: E402

CORES = os.cpu_count() or 1
ROUNDS = 3
BLOCK = 1 << 20
PIECE = os.urandom(BLOCK)

Hasher = Callable[[], Any]
HASHERS: dict[str, list[Hasher]] = {
    "Murmur3-128": [mmh3.mmh3_x64_128],
    "BLAKE3": [blake3],
    "both": [mmh3.mmh3_x64_128, blake3],
}
# What the stage is told: OMERO's algorithm (it always has one; the size costs nothing) and archive.
ASKED = {
    "Murmur3-128": ("Murmur3-128", "none"),
    "BLAKE3": ("File-Size-64", "BLAKE3"),
    "both": ("Murmur3-128", "BLAKE3"),
}


@dataclass(frozen=True)
class Data:
    """Filesets on disk: `files` of `size` bytes each, so many to a fileset."""

    folder: Path
    filesets: tuple[tuple[SourceFile, ...], ...]
    size: int

    @property
    def files(self) -> list[SourceFile]:
        return [file for fileset in self.filesets for file in fileset]


@dataclass(frozen=True)
class Case:
    """One line of a table; `compared` names the line it is compared with, `before` is not timed."""

    name: str
    work: Callable[[], object]
    compared: str
    before: Callable[[], object] = lambda: None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the numbers")
    parser.add_argument("--folder", help="where to measure (default: the system's for temporaries)")
    options = parser.parse_args()
    divisor = 10 if options.quick else 1
    print(f"{platform.system()} {platform.machine()}, {CORES} cores, Python", end=" ")
    print(f"{platform.python_version()}, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="io-benchmark-", dir=options.folder) as name:
        folder = Path(name)
        large = write(folder / "large", 2, 1, 2**28 if options.quick else 2**31)
        one = write(folder / "one", 1, 10_000 // divisor, 10_000)
        many = write(folder / "many", 10_000 // divisor, 1, 10_000)
        table("Digests of large files, in memory", digests(large), large)
        table("Digests of large files, from the disk", digests_from_disk(large), large)
        table("Digests of one fileset of many small files", digests(one), one)
        table("Digests of many filesets of one small file", digests(many), many)
        table("Copies of large files", copies(large, folder / "copy"), large)
        table("Copies of many small files", copies(one, folder / "copy"), one)


def write(folder: Path, filesets: int, files: int, size: int) -> Data:
    made = []
    for fileset in range(filesets):
        place = folder / f"fs{fileset:05d}"
        place.mkdir(parents=True)
        paths = [place / f"{file:05d}.dat" for file in range(files)]
        for path in paths:
            with path.open("wb") as out:
                for start in range(0, size, BLOCK):
                    out.write(PIECE[: min(BLOCK, size - start)])
        made.append(tuple(_source_file(path) for path in paths))
    os.sync()
    return Data(folder, tuple(made), size)


def _source_file(path: Path) -> SourceFile:
    found = digest_file(path, ["Murmur3-128", "BLAKE3"])
    return SourceFile(
        str(path), str(path), path.name, found.size, found.mtime_ns, found.inode, found.digests
    )


def table(title: str, cases: list[Case], data: Data) -> None:
    """Each case once a round, for the machine does other things too; the best counts."""
    best: dict[str, tuple[float, float]] = {}
    for number in range(ROUNDS):
        for case in cases:
            print(f"{title}: {case.name}, round {number + 1}", file=sys.stderr, flush=True)
            case.before()
            started, cpu = time.monotonic(), _cpu_seconds()
            case.work()
            found = time.monotonic() - started, _cpu_seconds() - cpu
            earlier = best.get(case.name, found)
            best[case.name] = min(earlier[0], found[0]), min(earlier[1], found[1])
    count = len(data.files)
    print(f"\n### {title}\n\n{count} files of {data.size} bytes\n")
    print("| | s | MB/s | ms a file | CPU s | times | by CPU | as fast as |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for case in cases:
        seconds, cpu = best[case.name]
        print(
            f"| {case.name} | {seconds:.2f} | {count * data.size / seconds / 1e6:.0f} "
            f"| {seconds / count * 1e3:.3f} | {cpu:.2f} "
            f"| {best[case.compared][0] / seconds:.2f} | {best[case.compared][1] / cpu:.2f} "
            f"| {case.compared} |"
        )
    sys.stdout.flush()


def _cpu_seconds() -> float:
    """Of this process and the tools it ran."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def digests(data: Data) -> list[Case]:
    cases = []
    for name, threads in [("Murmur3-128", 1), ("BLAKE3", 1), ("both", 1), ("both", CORES)]:
        label = name if threads == 1 else f"{name}, {threads} files at once"
        bare = f"bare {label}"
        cases.append(Case(bare, partial(bare_digests, data, name, threads), bare))
        ours = partial(our_digests, data, name, threads)
        cases.append(Case(f"our stage, {label}", ours, bare, partial(prepare, data, name)))
    return cases + _tools(data)


def digests_from_disk(data: Data) -> list[Case]:
    def forget() -> None:
        prepare(data, "both")
        _forget(data.folder)

    return [
        Case("bare both", partial(bare_digests, data, "both", 1), "bare both", forget),
        Case("our stage, both", partial(our_digests, data, "both", 1), "bare both", forget),
        *(Case(tool.name, tool.work, "bare both", forget) for tool in _tools(data)),
    ]


def _tools(data: Data) -> list[Case]:
    paths = [Path(file.path) for file in data.files]
    tools = (tool for tool in ("b3sum", "sha1sum") if shutil.which(tool))
    return [Case(tool, partial(_run, tool, paths), "bare both") for tool in tools]


def _run(tool: str, paths: list[Path]) -> None:
    subprocess.run([tool, *map(str, paths)], stdout=subprocess.DEVNULL, check=True)


def bare_digests(data: Data, name: str, threads: int) -> None:
    """What no program can do without: each file opened, read and hashed."""

    def work(paths: list[str]) -> list[bytes]:
        buffer, found = memoryview(bytearray(BLOCK)), []
        for path in paths:
            hashers = [new() for new in HASHERS[name]]
            descriptor = os.open(path, os.O_RDONLY)
            while count := os.readv(descriptor, [buffer]):
                for hasher in hashers:
                    hasher.update(buffer[:count])
            os.close(descriptor)
            found += [hasher.digest() for hasher in hashers]
        return found

    paths = [file.path for file in data.files]
    with ThreadPoolExecutor(threads) as executor:
        list(executor.map(work, [paths[start::threads] for start in range(threads)]))


def clear(folder: Path, data: Data) -> None:
    """Takes away what an earlier round left; small files stay, under another name.

    ext4 (without a journal) looks, for the place of each new file, past all that were freed in the
    last minutes: with a thousand files that takes longer than all else that is measured.
    """
    if data.size > BLOCK:
        shutil.rmtree(folder, ignore_errors=True)
    elif folder.exists():
        folder.rename(f"{folder}-{time.monotonic_ns()}")


def prepare(data: Data, name: str) -> None:
    """The plan and the records that the stage is given."""
    results = _results(data)
    clear(results, data)
    results.mkdir()
    plan, upstream = [], []
    for number, files in enumerate(data.filesets):
        algorithm = ASKED[name][0]
        plan.append(Fileset(f"fs{number}", number + 2, "", checksum_algorithm=algorithm))
        undigested = tuple(replace(file, digests={}) for file in files)
        upstream.append(Record(f"fs{number}", "convert", "ok", files=undigested))
    (results / "plan.jsonl").write_bytes(json_lines(plan))
    write_records(results / "convert.jsonl", upstream)


def our_digests(data: Data, name: str, threads: int) -> None:
    """The whole stage over one batch, but for Snakemake: plan read, journal and records written."""
    results = _results(data)
    config = load({"checksum": {"archive": ASKED[name][1]}, "results": str(results)})
    context = Context(config, results, Journal(results / "journal"), threads)
    output = results / "checksum.jsonl"
    run_batch(
        STAGE, results / "plan.jsonl", results / "convert.jsonl", output, context, "benchmark"
    )
    if output.read_bytes().count(b'"status":"ok"') < len(data.filesets):
        raise RuntimeError(f"not all filesets succeeded: see {output}")


def _results(data: Data) -> Path:
    return data.folder.with_name("results")


def copies(data: Data, destination: Path) -> list[Case]:
    tools = "cp, sha1sum"
    remove = partial(clear, destination, data)
    return [
        Case(tools, partial(copy_by_tools, data, destination), tools, remove),
        Case(
            "cp, sync, sha1sum from the disk",
            partial(copy_by_tools, data, destination, kept=True),
            tools,
            remove,
        ),
        *(
            Case(
                f"our verified copy, {threads} at once",
                partial(our_copies, data, destination, threads),
                tools,
                remove,
            )
            for threads in dict.fromkeys((1, CORES))
        ),
    ]


def copy_by_tools(data: Data, destination: Path, kept: bool = False) -> None:
    """A copy and the digests of its files; with `kept` on the disk, and read from there."""
    subprocess.run(["cp", "-r", data.folder, destination], check=True)
    if kept:
        subprocess.run(["sync", "-f", destination], check=True)
        _forget(destination)
    _run("sha1sum", _files(destination))


def our_copies(data: Data, destination: Path, threads: int) -> None:
    """As the stages copy the files of a fileset."""

    def copy(some: Sequence[SourceFile]) -> set[Path]:
        copied = [(each, destination / Path(each.path).relative_to(data.folder)) for each in some]
        copy_several(copied)
        return {path.parent for _, path in copied}

    for folder in set().union(*in_threads(copy, handfuls(data.files, threads), threads)):
        fsync_folder(folder)


def _forget(folder: Path) -> None:
    """Drops a folder's files from memory, so that they are read from the disk next."""
    for path in _files(folder):
        forget_cached(path)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


if __name__ == "__main__":
    main()
