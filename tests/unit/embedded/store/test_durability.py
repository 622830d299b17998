"""The store across threads, restarts and kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from omero.rtypes import unwrap

from omero_embedded.store import Actor, Store
from omero_embedded.store.database import FILE_NAME
from tests.unit.embedded.store.builders import image, named


def test_what_was_written_is_there_after_a_restart(
    store: Store, ann: Actor, tmp_path: Path
) -> None:
    with store.write(ann) as work:
        work.save(named("Dataset", "D"))
    store.close()
    again = Store.open(tmp_path)
    with again.read(again.actor("ann")) as work:
        assert unwrap(work.get("Dataset", 1).getName()) == "D"
    again.close()


def test_a_failed_transaction_leaves_nothing(store: Store, ann: Actor) -> None:
    with pytest.raises(ZeroDivisionError), store.write(ann) as work:
        work.save(named("Dataset", "D"))
        raise ZeroDivisionError
    with store.write(ann) as work:
        assert work.find_by("Dataset") == []
        assert unwrap(work.save(named("Dataset", "D")).getId()) == 1


_KILLED = """
import sys
from pathlib import Path
from omero_embedded.store import Store
from tests.unit.embedded.store.builders import named
store = Store.open(Path(sys.argv[1]))
ann = store.actor("ann")
with store.write(ann) as work:
    work.save(named("Dataset", "kept"))
with store.write(ann) as work:
    work.save(named("Dataset", "lost"))
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_kill_keeps_what_was_committed(store: Store, tmp_path: Path) -> None:
    store.close()
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p) + ":."},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    again = Store.open(tmp_path)
    with again.write(again.actor("ann")) as work:
        assert [unwrap(d.getName()) for d in work.find_by("Dataset")] == ["kept"]
        work.save(named("Dataset", "after"))
    again.close()


def test_threads_write_in_turn_and_read_side_by_side(store: Store, ann: Actor) -> None:
    problems: list[BaseException] = []

    def work_on() -> None:
        try:
            for _ in range(5):
                with store.write(ann) as work:
                    work.save(image("i"))
                with store.read(ann) as work:
                    (row,) = work.projection("select count(i), count(i.id) from Image i")
                    assert unwrap(row)[0] == unwrap(row)[1]
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with store.read(ann) as work:
        assert [unwrap(i.getId()) for i in work.find_by("Image")] == list(range(1, 21))


def test_a_write_within_a_write_is_refused(store: Store, ann: Actor) -> None:
    with store.write(ann), pytest.raises(RuntimeError), store.write(ann):
        pass
    with store.write(ann) as work:
        assert work.find_by("Dataset") == []


def test_a_reader_sees_one_state(store: Store, ann: Actor) -> None:
    with store.read(ann) as reading:
        assert reading.find_by("Dataset") == []
        with store.write(ann) as work:
            work.save(named("Dataset", "D"))
        assert reading.find_by("Dataset") == []


def test_a_store_of_another_model_is_refused(store: Store, tmp_path: Path) -> None:
    import sqlite3

    store.close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("PRAGMA user_version=7")
    connection.close()
    with pytest.raises(RuntimeError, match="another version"):
        Store.open(tmp_path)
