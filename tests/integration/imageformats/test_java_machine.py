"""The Java machine beside Python: each test is a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import imageformats
from imageformats.jvm import in_java, java_class
from tests.fixtures.waiting import PATIENCE

ROOT = Path(__file__).parents[3]


def _run(
    code: str, *, timeout: float = PATIENCE, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"import imageformats, os, signal, sys, threading, time\n{code}"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


def test_the_version() -> None:
    with in_java():
        assert imageformats.version() == java_class("loci.formats.FormatTools").VERSION


def test_who_needs_no_java_loads_neither_jpype_nor_numpy(tmp_path: Path) -> None:
    path = tmp_path / "cells.tif"
    path.write_bytes(b"II*\0")
    done = _run(
        f"imageformats.ends_early({str(path)!r})\n"
        "print({'jpype', 'numpy'} & set(sys.modules))\n"
        "imageformats.jvm.java_class('java.lang.Object')\n"
        "print('jpype' in sys.modules)"
    )
    assert (done.stdout, done.stderr) == ("set()\nTrue\n", "")


def test_names_beyond_ascii_in_the_c_locale(tmp_path: Path) -> None:
    (tmp_path / "細胞 ä.fake").touch()
    done = _run(
        f"print(len(imageformats.resolve(os.path.join({str(tmp_path)!r}, '細胞 ä.fake'))))\n"
        "print(os.environ['LC_ALL'])",
        LC_ALL="C",
    )
    assert (done.stdout, done.stderr) == ("1\nC\n", "")


def test_signals_stay_pythons() -> None:
    done = _run(
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "imageformats.jvm.java_class('java.lang.Object')\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT); time.sleep(600)\n"
        "except KeyboardInterrupt:\n"
        "    os.kill(os.getpid(), signal.SIGTERM); time.sleep(600)\n"
    )
    assert (done.returncode, done.stderr) == (7, "")


def test_a_process_ends_although_its_threads_have_used_java(tmp_path: Path) -> None:
    (tmp_path / "a.fake").touch()
    done = _run(
        "def read():\n"
        f"    with imageformats.open_planes({str(tmp_path / 'a.fake')!r}) as planes:\n"
        "        planes.plane(0, 0, 0, 0)\n"
        "first = threading.Thread(target=read); first.start(); first.join()\n"
        "done = threading.Event()\n"
        "work = lambda: (read(), done.set(), time.sleep(600))\n"
        "threading.Thread(target=work, daemon=True).start(); done.wait()\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_process_ends_while_a_thread_reads(tmp_path: Path) -> None:
    (tmp_path / "a.fake").touch()
    done = _run(
        "reading = threading.Event()\n"
        "def read():\n"
        "    try:\n"
        "        while True:\n"
        f"            with imageformats.open_planes({str(tmp_path / 'a.fake')!r}) as planes:\n"
        "                planes.plane(0, 0, 0, 0)\n"
        "            reading.set()\n"
        "    except RuntimeError as error:\n"
        "        print(error)\n"
        "threading.Thread(target=read, daemon=True).start(); reading.wait()\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_fork_is_told_what_to_do_instead() -> None:
    done = _run(
        "imageformats.jvm.java_class('java.lang.Object')\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    try:\n"
        "        imageformats.jvm.java_class('java.lang.Object')\n"
        "    except RuntimeError as error:\n"
        "        print(error, flush=True)\n"
        "        os._exit(9)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert done.returncode == 9
    assert "spawn" in done.stdout


def test_the_heap_is_set_by_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "big&sizeX=6000&sizeY=6000.fake"
    path.touch()
    with imageformats.open_planes(path) as planes:
        assert planes.tile(0, 0, 0, 0, 0, 0, 6000, 6000).shape == (6000, 6000)
    done = _run(
        f"with imageformats.open_planes({str(path)!r}) as planes:\n"
        "    planes.tile(0, 0, 0, 0, 0, 0, 6000, 6000)\n",
        IMAGEFORMATS_HEAP="32m",
    )
    assert "IMAGEFORMATS_HEAP" in done.stderr.splitlines()[-1]
