"""Grouping in a process of its own, that is ended when a file takes it too long.

Some broken files keep a reader busy for good, and a thread in Java cannot be ended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from imageformats.errors import TookTooLong, UnreadableImage
from imageformats.filesets import FilesetFiles, grouping
from imageformats.jvm import java_class
from imageformats.readers import absolute


@contextmanager
def grouping_apart(limit: float) -> Iterator[Callable[[str], FilesetFiles]]:
    """Like `grouping`, with `limit` seconds for each file. Nothing is started before the first."""
    reader = _Reader(limit)
    try:
        yield reader.fileset_of
    finally:
        reader.end()


class _Reader:
    """The process, when there is one."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection

    def fileset_of(self, path: str) -> FilesetFiles:
        """Raises UnreadableImage (TookTooLong), and OSError where `grouping` does."""
        path = absolute(path)
        try:
            if self._process is None:
                self._start()
            self._connection.send_bytes(json.dumps(path).encode())
            if not self._connection.poll(self._limit):
                raise TookTooLong(path, self._limit)
            answer = json.loads(self._connection.recv_bytes())
        except (EOFError, ConnectionError):
            self.end()
            raise UnreadableImage(path, "Bio-Formats died of it") from None
        except BaseException:
            self.end()  # what it still says would be taken for the answer to the next
            raise
        if "files" in answer:
            return FilesetFiles(**{**answer, "files": tuple(answer["files"])})
        if "errno" in answer:
            raise OSError(answer["errno"], answer["strerror"], path)
        raise UnreadableImage(**answer)

    def end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
        self._connection.close()

    def _start(self) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from {__name__} import serve; serve({theirs.fileno()})"],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for whoever started us
            )
        self._connection.recv_bytes()  # Java is there: from now on the file is what takes long


def serve(descriptor: int) -> None:
    """What the process does: answers, at this end of a pipe, until it is ended."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    connection = Connection(descriptor)
    java_class("java.lang.Object")
    connection.send_bytes(b"ready")
    with grouping() as fileset_of:
        while True:
            connection.send_bytes(json.dumps(_answer(fileset_of, connection)).encode())


def _answer(fileset_of: Callable[[str], FilesetFiles], connection: Connection) -> dict[str, object]:
    try:
        found = fileset_of(json.loads(connection.recv_bytes()))
    except UnreadableImage as error:
        return {
            "path": error.path, "reason": error.reason, "unknown_format": error.unknown_format,
        }  # fmt: skip
    except OSError as error:
        return {"errno": error.errno, "strerror": error.strerror}
    return {name: getattr(found, name) for name in FilesetFiles.__slots__}


def _end_with_parent() -> None:
    """Our standard input is a pipe that nobody writes to: it ends when our parent does."""
    os.read(0, 1)
    os._exit(0)
