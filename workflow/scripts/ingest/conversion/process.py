"""Runs a converter's process: in a group of its own, within limits, and never outliving us."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ingest.child_environment import child_environment

LOOK = 0.2  # seconds between two looks at a process's memory
_PAGE = os.sysconf("SC_PAGE_SIZE")

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")

# Becomes the converter when it is told to: whatever is killed, none runs that nobody watches.
_GATE = 'read -r _ && exec "$@" </dev/null'

# Reads until whoever started it writes a line, and ends the group when that one is dead instead.
# A cluster that ends a job tells all processes of it at once: this one has its work to do then.
_WATCHDOG = (
    "trap '' TERM INT HUP; "
    'read -r _ || { kill -s KILL -- "-$1"; shift; [ $# = 0 ] || exec "$@"; }'
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit status (negative: the signal), why we ended it, its time."""

    status: int
    limit: Literal["", "time", "memory"]
    seconds: float


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    stdout: Path,
    stderr: Path,
    seconds: float,
    memory: int | None = None,
    name: str = "",
    ending: Sequence[str] = (),
) -> Ended:
    """Runs `command` in `folder` and waits for it.

    After `seconds`, or when its processes take more than `memory` bytes together, the whole group
    is killed, and so it is when this process dies. `name` stands on the command line of what is
    its own but no child of it, as podman's containers are not. `ending` is a command, run in the
    end whatever it was, that ends what is not in the group, like a container or a daemon. Raises
    OSError when the process cannot be started.
    """
    started = time.monotonic()
    if shutil.which(command[0], path=environment.get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, "there is no such program", command[0])
    with stdout.open("wb") as out, stderr.open("wb") as err:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _GATE, "converter", *command],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    with _watchdog(process.pid, ending):
        try:
            _open(process)
            limit = _wait(process, started + seconds, memory, name)
        finally:
            # What it left running would go on writing.
            _kill(process.pid)
            end(ending)
        status = process.wait()
    return Ended(status, limit, round(time.monotonic() - started, 3))


def _open(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:  # somebody killed it already
        process.stdin.write(b"begin\n")


def end(ending: Sequence[str]) -> None:
    """Runs a command that ends what may be left of a conversion; it is no error if nothing is."""
    if ending:
        subprocess.run(ending, env=child_environment(), check=False, capture_output=True)


def _wait(
    process: subprocess.Popen[bytes], deadline: float, memory: int | None, name: str
) -> Literal["", "time", "memory"]:
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return "time"
        try:
            process.wait(min(left, LOOK) if memory else left)
        except subprocess.TimeoutExpired:
            if memory and resident(process.pid, name) > memory:
                return "memory"
        else:
            return ""


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


@contextlib.contextmanager
def _watchdog(group: int, ending: Sequence[str]) -> Iterator[None]:
    watchdog = subprocess.Popen(
        ["/bin/sh", "-c", _WATCHDOG, "watchdog", str(group), *ending],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
        start_new_session=True,
    )
    try:
        yield
    finally:
        watchdog.communicate(b"ended\n")


def resident(pid: int, name: str = "") -> int:
    """Bytes of memory that a process, its group, whose command line says `name`, and all that came
    of them hold."""
    found: dict[int, tuple[int, int]] = {}  # each process's parent and memory
    members = {pid}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The second field, the name in parentheses, may hold anything.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                found[int(entry.name)] = (int(fields[1]), int(fields[21]))
                is_named = name and name.encode() in (entry / "cmdline").read_bytes().split(b"\0")
                if int(fields[2]) == pid or is_named:
                    members.add(int(entry.name))
    size = 0
    while len(members) != size:
        size = len(members)
        members |= {member for member, (parent, _) in found.items() if parent in members}
    return sum(found[member][1] * _PAGE for member in members if member in found)


def last_words(paths: Sequence[Path], limit: int) -> str:
    """The end of what was written to these files, `limit` characters of each at most.

    Without what would move a terminal's cursor or change its colours.
    """
    texts = (tail(path, limit).replace("\r", "\n").strip() for path in paths)
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", "\n".join(filter(None, texts)))


def tail(path: Path, limit: int) -> str:
    """The last `limit` bytes of a file, as text."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - limit))
        return file.read().decode(errors="replace")
