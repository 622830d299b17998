"""Shows a line that changes: on a terminal's last row, elsewhere as a plain line now and then.

The terminal is told to scroll only the rows above the last one, as `apt` does: whatever Snakemake
and its jobs, processes of their own, print scrolls there and leaves the bar alone. (tqdm and rich
can keep their bar apart only from what their own process prints.) A process that is killed with
SIGKILL cannot give the row back; `reset` does.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

DRAWN = 1.0  # seconds between two lines on a terminal
WRITTEN = 30.0  # and elsewhere
SHARE = 0.02  # of a processor's time is the most that looking takes
FEWEST_ROWS = 4  # of a terminal that has a row to give

SAVE, RESTORE, CLEAR, DOWN = "\x1b7", "\x1b8", "\x1b[K", "\x1bD"


class Bar:
    """The last row of a terminal. Each change is one write, so that others' cannot come between."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rows = 0  # of the terminal whose last row is ours; 0 when none is

    def draw(self, text: str) -> None:
        try:
            columns, rows = os.get_terminal_size(self._descriptor)
        except OSError:  # the terminal is gone
            return
        if rows < FEWEST_ROWS:
            self.remove()
            return
        taken = ""
        if rows != self._rows:
            # One row down makes room when the cursor is on the last; its column stays.
            taken = f"{DOWN}{SAVE}\x1b[1;{rows - 1}r{RESTORE}\x1b[1A"
            self._rows = rows
        self._write(f"{taken}{SAVE}\x1b[{rows};1H{text[: columns - 1]}{CLEAR}{RESTORE}")

    def remove(self) -> None:
        if self._rows:
            self._write(f"{SAVE}\x1b[r\x1b[{self._rows};1H{CLEAR}{RESTORE}")
            self._rows = 0

    def _write(self, text: str) -> None:
        # Without a terminal (a closed window) the run goes on.
        with contextlib.suppress(OSError):
            os.write(self._descriptor, text.encode("ascii", "replace"))


@contextmanager
def shown(
    line: Callable[[], str],
    stream: TextIO,
    log: Path,
    drawn: float = DRAWN,
    written: float = WRITTEN,
) -> Iterator[None]:
    """Shows what `line` returns, on `stream` and in the file `log`, while the block runs."""
    bar = Bar(stream.fileno()) if _is_terminal(stream) else None
    ending = threading.Event()

    def show() -> None:
        next_written = time.monotonic() + written
        pause = drawn if bar else written
        while not ending.wait(pause):
            started = time.monotonic()
            text = line()
            if bar:
                bar.draw(text)
            if started >= next_written or not bar:
                next_written = started + written
                _note(text, log, None if bar else stream)
            pause = max(drawn if bar else written, (time.monotonic() - started) / SHARE)

    def end() -> None:
        ending.set()
        if thread.ident is not None:
            thread.join()
        if bar:
            bar.remove()

    thread = threading.Thread(target=show, name="progress", daemon=True)
    # Snakemake may end without a word to its workflow, and Ctrl-C may come as soon as there is a
    # line to see; the terminal must be whole all the same.
    atexit.register(end)
    try:
        if bar:  # at once, so that nobody wonders whether there is one
            bar.draw(line())
        thread.start()
        yield
    finally:
        end()
        atexit.unregister(end)


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _note(text: str, log: Path, stream: TextIO | None) -> None:
    with contextlib.suppress(OSError):  # such as a full disk, which jobs tell with better words
        if stream:
            stream.write(f"{text}\n")
            stream.flush()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as lines:
            lines.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\t{text}\n")
