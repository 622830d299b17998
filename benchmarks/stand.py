"""What the measurements stand on: a server, a slower way to it, and filesets to import."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy
import tifffile

from ingest.digests import digest_file
from ingest.fileset import Fileset, Record, SourceFile
from ingest.records import json_lines, write_records

PLAN, RECORDS = "plan.jsonl", "transfer.jsonl"
ALGORITHM = "Murmur3-128"


@contextmanager
def server(folder: Path) -> Iterator[int]:
    """A new embedded server over `folder`, in a process of its own; the process's id."""
    command = [sys.executable, "-m", "omero_embedded", "serve", "--store", str(folder)]
    process = subprocess.Popen(
        [*command, "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(folder / "server.json", process)
        yield process.pid
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait(60)


@contextmanager
def farther_away(folder: Path, milliseconds: float) -> Iterator[Path]:
    """A folder by which clients find the server of `folder` at the end of a slower way: every
    answer comes `milliseconds` later."""
    slow = folder.with_name(f"{folder.name}-farther")
    slow.mkdir()
    shutil.copy(folder / "secret", slow)
    process = subprocess.Popen(
        [sys.executable, __file__, str(folder), str(slow), str(milliseconds)],
        stdin=subprocess.DEVNULL,
    )
    try:
        _wait_for(slow / "server.json", process)
        yield slow
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(file: Path, process: subprocess.Popen[bytes]) -> None:
    while not file.exists():
        if process.poll() is not None:
            raise RuntimeError(f"a process ended before it wrote {file}")
        time.sleep(0.02)


def cpu_seconds(process_id: int) -> float:
    """CPU time of another process, user and system."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def write_filesets(folder: Path, filesets: int, files: int) -> None:
    """Filesets of so many files each, and the plan and the records that an import job is given.

    The first file of each is a small image, the others are companions of 100 bytes.
    """
    plan, records = [], []
    for number in range(filesets):
        name = f"fs{number:05d}"
        paths = [folder / name / "image.tif"]
        paths[0].parent.mkdir(parents=True)
        pixels = numpy.random.default_rng(number).integers(0, 60000, (24, 32), dtype=numpy.uint16)
        tifffile.imwrite(paths[0], pixels)
        for companion in range(1, files):
            paths.append(folder / name / f"companion{companion:05d}.dat")
            paths[-1].write_bytes(f"{number} {companion}".encode().ljust(100))
        plan.append(Fileset(name, number + 2, str(paths[0])))
        facts = {"reader": "", "format": "", "algorithm": ALGORITHM}
        of_row = tuple(_source_file(path) for path in paths)
        records.append(Record(name, "transfer", "ok", files=of_row, facts=facts))
    (folder / PLAN).write_bytes(json_lines(plan))
    write_records(folder / RECORDS, records)


def _source_file(path: Path) -> SourceFile:
    found = digest_file(path, [ALGORITHM])
    return SourceFile(
        str(path), str(path), path.name, found.size, found.mtime_ns, found.inode, found.digests
    )


async def _relay(folder: Path, slow: Path, milliseconds: float) -> None:
    facts = json.loads((folder / "server.json").read_text())

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(facts["host"], facts["port"])
        await asyncio.gather(
            _pump(reader, far_writer, milliseconds / 2000),
            _pump(far_reader, writer, milliseconds / 2000),
        )

    listening = await asyncio.start_server(connected, facts["host"], 0)
    port = listening.sockets[0].getsockname()[1]
    partial = slow / "partial"
    partial.write_text(json.dumps({**facts, "port": port}))
    partial.rename(slow / "server.json")
    await listening.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Passes on what comes, in order, each piece so many seconds after it came."""
    loop = asyncio.get_running_loop()
    while piece := await reader.read(65536):
        loop.call_later(seconds, writer.write, piece)
    loop.call_later(seconds, writer.close)


if __name__ == "__main__":
    asyncio.run(_relay(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
