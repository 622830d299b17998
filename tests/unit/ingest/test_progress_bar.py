"""On a terminal the last row is the bar's and given back; elsewhere there are plain lines."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from ingest.progress_bar import Bar, shown
from tests.fixtures.waiting import wait_until

TAKEN = b"\x1b[1;23r"  # the rows above the last one scroll
GIVEN_BACK = b"\x1b[r\x1b[24;1H\x1b[K"


class Terminal:
    """The two ends of a pseudo-terminal of 24 rows and 80 columns."""

    def __init__(self) -> None:
        self.outer, inner = pty.openpty()
        self.inner = os.fdopen(inner, "w")
        self.resize(24, 80)
        self.seen = b""

    def resize(self, rows: int, columns: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.outer, termios.TIOCSWINSZ, size)

    def wait_for(self, pattern: bytes) -> None:
        """Reads until there is such output after what was read before."""
        found = b""
        while not re.search(pattern, found):
            found += os.read(self.outer, 65536)
        self.seen += found


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm")
    made = Terminal()
    yield made
    made.inner.close()
    os.close(made.outer)


def test_the_last_row_is_taken_drawn_and_given_back(terminal: Terminal, tmp_path: Path) -> None:
    with shown(lambda: "half way", terminal.inner, tmp_path / "log", drawn=0.01):
        terminal.wait_for(re.escape(b"\x1b[24;1Hhalf way\x1b[K\x1b8") + b".*half way")
        assert terminal.seen.count(TAKEN) == 1
        assert b"\n" not in terminal.seen
    terminal.wait_for(re.escape(GIVEN_BACK))
    assert not (tmp_path / "log").exists()


def test_an_interrupt_as_soon_as_the_bar_is_seen_gives_the_row_back(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_thread: threading.Thread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with (
        pytest.raises(KeyboardInterrupt),
        shown(lambda: "half way", terminal.inner, tmp_path / "log"),
    ):
        pass
    os.write(terminal.inner.fileno(), b"the end")
    terminal.wait_for(b"the end")
    assert terminal.seen.count(TAKEN) == terminal.seen.count(GIVEN_BACK) == 1


def test_a_line_is_never_wider_than_the_terminal(terminal: Terminal, tmp_path: Path) -> None:
    with shown(lambda: "x" * 200, terminal.inner, tmp_path / "log", drawn=0.01):
        terminal.wait_for(b"x{79}\x1b")
        assert b"x" * 80 not in terminal.seen


def test_another_size_is_noticed(terminal: Terminal, tmp_path: Path) -> None:
    with shown(lambda: "half way", terminal.inner, tmp_path / "log", drawn=0.01):
        terminal.wait_for(b"half way")
        terminal.resize(40, 100)
        terminal.wait_for(re.escape(b"\x1b[1;39r"))
        terminal.resize(3, 100)
        terminal.wait_for(re.escape(b"\x1b[r"))


def test_the_log_has_lines_beside_the_bar(terminal: Terminal, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "progress.log"
    with shown(lambda: "half way", terminal.inner, log, drawn=0.01, written=0.02):
        while not log.exists():
            terminal.wait_for(b"half way")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\thalf way\n", log.read_text())


@pytest.mark.parametrize("is_terminal", [True, False])
def test_without_a_terminal_that_can_there_are_plain_lines(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream: TextIO = terminal.inner if is_terminal else io.StringIO()
    log = tmp_path / "progress.log"
    with shown(lambda: "half way", stream, log, written=0.01):
        wait_until(log.exists, "a line in the log")
    if isinstance(stream, io.StringIO):
        assert set(stream.getvalue().splitlines()) == {"half way"}
    else:
        terminal.wait_for(b"half way\r\n")
        assert b"\x1b" not in terminal.seen
    assert "half way" in log.read_text()


def test_the_row_is_given_back_when_it_is_interrupted_as_it_is_taken(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = Bar.draw

    def interrupted(bar: Bar, text: str) -> None:
        draw(bar, text)
        raise KeyboardInterrupt

    monkeypatch.setattr(Bar, "draw", interrupted)
    with (
        pytest.raises(KeyboardInterrupt),
        shown(lambda: "half way", terminal.inner, tmp_path / "log"),
    ):
        pass
    assert GIVEN_BACK in os.read(terminal.outer, 65536)


LEAVING = """
import sys
from pathlib import Path
from ingest.progress_bar import shown
context = shown(lambda: "half way", sys.stderr, Path(sys.argv[1]), drawn=0.01)
context.__enter__()
sys.exit("an end that nobody told the bar of")
"""


def test_the_row_is_given_back_however_the_process_ends(
    terminal: Terminal, tmp_path: Path, python_env: dict[str, str]
) -> None:
    subprocess.run(
        [sys.executable, "-c", LEAVING, str(tmp_path / "log")],
        stderr=terminal.inner,
        env=python_env,
        check=False,
    )
    terminal.wait_for(re.escape(GIVEN_BACK))
    assert TAKEN in terminal.seen
    assert b"an end that nobody told" in terminal.seen
