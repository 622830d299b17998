"""Grouping in a process that is ended when a file takes too long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import imageformats
from imageformats.apart import grouping_apart
from tests.fixtures.waiting import wait_until

ROOT = Path(__file__).parents[3]
ENDLESS = "endless&sleepInitFile=3600000.fake"  # of Bio-Formats' own reader for tests


def test_a_file_that_takes_too_long_costs_its_time_and_nothing_else(tmp_path: Path) -> None:
    for name in ("a.fake", ENDLESS, "z.fake"):
        (tmp_path / name).touch()
    (tmp_path / "notes.txt").write_text("no image")
    with grouping_apart(10) as fileset_of:
        found = imageformats.scan(tmp_path, fileset_of)
        with pytest.raises(imageformats.UnreadableImage) as refused:
            fileset_of(str(tmp_path / "notes.txt"))
    assert refused.value.unknown_format
    assert [Path(each.files[0]).name for each in found.filesets] == ["a.fake", "z.fake"]
    slow = next(error for error in found.unreadable if "fake" in error.path)
    assert isinstance(slow, imageformats.TookTooLong)
    assert slow.reason == "Bio-Formats had not opened it after 10 seconds"


def test_several_threads_take_turns(tmp_path: Path) -> None:
    names = [f"{letter}.fake" for letter in "abcdefgh"]
    for name in names:
        (tmp_path / name).touch()
    with grouping_apart(60) as fileset_of, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda name: fileset_of(str(tmp_path / name)), names))
    assert [Path(each.files[0]).name for each in found] == names


def test_its_environment_is_the_one_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "a.fake").touch()
    given = {key: value for key, value in os.environ.items() if key != "HOME"} | {"GIVEN": "1"}
    before = children(os.getpid())
    with grouping_apart(60, given) as fileset_of:
        fileset_of(str(tmp_path / "a.fake"))
        (reader,) = set(children(os.getpid())) - set(before)
        there = Path(f"/proc/{reader}/environ").read_bytes().split(b"\0")
    assert b"GIVEN=1" in there
    assert not any(each.startswith(b"HOME=") for each in there)


def children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return list(map(int, found))


def is_there(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_it_ends_with_the_process_that_asks_and_its_death_is_told(tmp_path: Path) -> None:
    (tmp_path / ENDLESS).touch()
    code = (
        "import imageformats\n"
        "with imageformats.grouping_apart(3600) as fileset_of:\n"
        f"    fileset_of({str(tmp_path / ENDLESS)!r})\n"
    )
    for victim in ("the reader", "who asks"):
        asking = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda process=asking.pid: children(process), "the reader")
        (reader,) = children(asking.pid)
        os.kill(reader if victim == "the reader" else asking.pid, signal.SIGKILL)
        _, said = asking.communicate(timeout=60)
        wait_until(lambda process=reader: not is_there(process), "its end")
        if victim == "the reader":
            assert "Bio-Formats died of it" in said
