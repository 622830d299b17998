"""One job at a time works on a batch, and a dead one keeps nobody waiting for long."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.batch_lock import STALE, batch_lock
from tests.fixtures.waiting import PATIENCE, wait_until

LOG = logging.getLogger("test")


def lost() -> None:
    raise AssertionError("the lock was lost")


def lock(folder: Path, on_lost: Callable[[], None] = lost, stale: float = STALE) -> object:
    return batch_lock(folder, "checksum", LOG, on_lost, heartbeat=0.05, stale=stale)


def taking(folder: Path) -> threading.Event:
    """Set once another thread had the lock."""
    taken = threading.Event()

    def take() -> None:
        with lock(folder):
            taken.set()

    threading.Thread(target=take, daemon=True).start()
    return taken


def seen_alive(path: Path, seconds_ago: float) -> None:
    then = time.time() - seconds_ago
    os.utime(path, (then, then))


def owner(folder: Path) -> dict[str, object]:
    return json.loads(max(folder.iterdir(), key=lambda path: int(path.name)).read_text())


def hold_elsewhere(folder: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    """Another process that holds the lock until it is killed."""
    script = (
        "import logging, sys, time; from pathlib import Path\n"
        "from ingest.batch_lock import batch_lock\n"
        "with batch_lock(Path(sys.argv[1]), 'import', logging.getLogger(), lambda: None, 0.05):\n"
        "    print('held', flush=True); time.sleep(600)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, folder], stdout=subprocess.PIPE, text=True, env=env
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_one_waits_for_the_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    order: list[str] = []
    held = threading.Event()

    def first() -> None:
        with lock(tmp_path):
            held.set()
            wait_until(lambda: caplog.records, "a word of the second one")
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    held.wait()
    with lock(tmp_path):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    waiting = [record.getMessage() for record in caplog.records]
    assert len(waiting) == 1
    assert f"held by checksum on {os.uname().nodename} (process {os.getpid()})" in waiting[0]


def test_many_at_once_are_never_in_it_together(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def job(number: int) -> None:
        with lock(tmp_path):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.01)
            inside.remove(number)

    threads = [threading.Thread(target=job, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8
    assert len(list(tmp_path.iterdir())) == 1


def test_a_killed_process_of_this_host_is_followed_at_once(
    tmp_path: Path, python_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    holder = hold_elsewhere(tmp_path, python_env)
    holder.kill()
    holder.wait()
    start = time.monotonic()
    with lock(tmp_path, stale=2 * PATIENCE):
        assert owner(tmp_path)["pid"] == os.getpid()
    assert time.monotonic() - start < PATIENCE
    assert f"process {holder.pid}), which is dead" in caplog.text


def test_another_process_with_the_same_pid_is_not_the_owner(tmp_path: Path) -> None:
    (tmp_path / "7").write_text(
        json.dumps({"host": os.uname().nodename, "pid": os.getpid(), "start": "earlier"})
    )
    with lock(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == ["8"]


def test_another_host_is_waited_for_until_it_gives_no_sign_of_life(tmp_path: Path) -> None:
    (tmp_path / "1").write_text(json.dumps({"host": "elsewhere", "pid": 1, "start": "x"}))
    seen_alive(tmp_path / "1", STALE / 2)
    taken = taking(tmp_path)
    assert not taken.wait(0.2)
    seen_alive(tmp_path / "1", STALE + 1)
    assert taken.wait(PATIENCE)


def test_a_lock_whose_owner_is_not_written_yet_is_respected(tmp_path: Path) -> None:
    (tmp_path / "1").touch()
    taken = taking(tmp_path)
    assert not taken.wait(0.2)
    seen_alive(tmp_path / "1", STALE + 1)
    assert taken.wait(PATIENCE)


def test_the_holder_gives_signs_of_life_and_releases(tmp_path: Path) -> None:
    with lock(tmp_path):
        (present,) = tmp_path.iterdir()
        os.utime(present, (1, 1))
        wait_until(lambda: present.stat().st_mtime > 1, "a sign of life")
        assert owner(tmp_path)["released"] is False
    assert owner(tmp_path)["released"] is True


def test_a_holder_that_was_taken_for_dead_is_told(tmp_path: Path) -> None:
    told = threading.Event()
    with lock(tmp_path, on_lost=told.set):
        (present,) = tmp_path.iterdir()
        (tmp_path / "2").write_text("{}")
        present.unlink()
        assert told.wait(PATIENCE)
    assert [path.name for path in tmp_path.iterdir()] == ["2"]


def test_the_lock_is_released_when_the_job_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock(tmp_path):
        _ = 1 / 0
    assert owner(tmp_path)["released"] is True
