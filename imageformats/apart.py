"""Grouping in a process of its own, that is ended when a file takes it too long.

Some broken files keep a reader busy for good, and a thread in Java cannot be ended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from imageformats.errors import TookTooLong, UnreadableImage
from imageformats.filesets import FilesetFiles, Grouping, fileset_of
from imageformats.jvm import java_class
from imageformats.readers import absolute


@contextmanager
def grouping_apart(
    limit: float, environment: Mapping[str, str] | None = None
) -> Iterator[Grouping]:
    """Like `fileset_of`, with `limit` seconds for each file, one after another. Nothing is started
    before the first. `environment` is for the process, which has ours without it."""
    reader = _Reader(limit, os.environ if environment is None else environment)
    try:
        yield reader.fileset_of
    finally:
        reader.end()


class _Reader:
    """The process, when there is one."""

    def __init__(self, limit: float, environment: Mapping[str, str]) -> None:
        self._limit = limit
        self._environment = environment
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection

    def fileset_of(self, path: str) -> FilesetFiles:
        """Raises UnreadableImage (TookTooLong), and OSError where `fileset_of` does."""
        path = absolute(path)
        with self._turn:
            answer = self._answer(path)
        if "files" in answer:
            return FilesetFiles(**{**answer, "files": tuple(answer["files"])})
        if "errno" in answer:
            raise OSError(answer["errno"], answer["strerror"], path)
        raise UnreadableImage(**answer)

    def _answer(self, path: str) -> dict[str, Any]:
        try:
            if self._process is None:
                self._start()
            self._connection.send_bytes(json.dumps(path).encode())
            if not self._connection.poll(self._limit):
                raise TookTooLong(path, self._limit)
            answer: dict[str, Any] = json.loads(self._connection.recv_bytes())
        except (EOFError, ConnectionError):
            self.end()
            raise UnreadableImage(path, "Bio-Formats died of it") from None
        except BaseException:
            self.end()  # what it still says would be taken for the answer to the next
            raise
        return answer

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
                env={**self._environment, "PYTHONPATH": os.pathsep.join(sys.path)},
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
    with suppress(EOFError):
        while True:
            path = json.loads(connection.recv_bytes())
            connection.send_bytes(json.dumps(_answer(path)).encode())


def _answer(path: str) -> dict[str, object]:
    try:
        found = fileset_of(path)
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
