"""`python -m ingest.watch`: keep scanning drop folders, claiming orders, and running intakes."""

from __future__ import annotations

import argparse
import fcntl
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

import yaml

from ingest.config import Config, ConfigError, load
from ingest.config_text import check_file
from ingest.drop.way_in import DropFolders
from ingest.intakes import Intake, WayIn
from ingest.orders.way_in import OrdersWayIn
from ingest.watch.loop import Loop, forget_pauses
from ingest.watch.running import Run
from ingest.watch.wake import woken

_LOCK = ".watch.lock"
_CALM = 5.0  # seconds after being woken: changes come in swarms


def ways_in(config: Config) -> list[WayIn]:
    """Where intakes come from, as far as it is configured."""
    found: list[WayIn] = []
    if config.drop:
        found.append(DropFolders(config))
    if config.orders.enabled:
        found.append(OrdersWayIn(config))
    return found


class Signals:
    """SIGTERM and SIGINT end the watch: at once where nothing is under way that has to be ended
    first, else as soon as that is."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.wake = threading.Event()
        self._may_exit = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._received)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """A scan may be killed at any moment, and may take minutes."""
        self._may_exit = True
        try:
            if self.stop.is_set():
                sys.exit(0)
            yield
        finally:
            self._may_exit = False

    def pause(self, seconds: float) -> None:
        self.stop.wait(seconds)

    def _received(self, _number: int, _frame: FrameType | None) -> None:
        self.stop.set()
        self.wake.set()
        if self._may_exit:
            sys.exit(0)


def main(words: Sequence[str] | None = None) -> int:
    options, snakemake = _arguments(words)
    try:
        check_file(options.configfile)
        config = load(yaml.safe_load(options.configfile.read_text(encoding="utf-8")) or {})
    except (ConfigError, OSError, yaml.YAMLError) as error:
        return _refuse(f"{options.configfile}: {error}")
    sources = ways_in(config)
    if not sources:
        return _refuse(
            f"{options.configfile} has nothing to watch. Describe a folder under `drop` "
            "(docs/drop-folders.md), or set orders.enabled: true (docs/orders.md)."
        )
    lock = _only_one(config.watch.intakes)
    if lock is None:
        return _refuse(
            f"Another watch is already running on {config.watch.intakes}. Stop it first."
        )
    signals = Signals()

    def start(intake: Intake) -> Run:
        return Run(intake, options.configfile, snakemake)

    loop = Loop(
        config.watch, sources, start, signals.stop.is_set, signals.pause, signals.interruptible
    )
    if options.again:
        forget_pauses(config.watch, sources)
    with lock:
        if options.once:
            return 0 if loop.turn() else 1
        with ExitStack() as held:
            if config.watch.wake:
                roots = [tree.root for tree in config.drop.values()]
                held.enter_context(woken(roots, signals.wake.set, loop.say))
            interval = options.interval or config.watch.interval
            loop.say(f"watching {', '.join(source.name for source in sources)}")
            while not signals.stop.is_set():
                signals.wake.clear()
                loop.turn()
                if signals.wake.wait(interval):
                    signals.pause(_CALM)
    loop.say("stopped")
    return 0


def _arguments(words: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="python -m ingest.watch",
        description="Keep scanning the configured drop folders and orders, and import what is "
        "ready. Arguments after -- go to Snakemake, like -- --profile profiles/slurm.",
    )
    parser.add_argument(
        "--configfile",
        type=Path,
        default=Path("config/config.yaml"),
        metavar="FILE",
        help="the configuration (default: %(default)s)",
    )
    parser.add_argument(
        "--once", action="store_true", help="scan and run once; exits with 1 if something failed"
    )
    parser.add_argument(
        "--interval",
        type=_seconds,
        metavar="SECONDS",
        help="time between scans, instead of the option watch.interval",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="immediately run again what failed, including what was given up",
    )
    given = list(sys.argv[1:] if words is None else words)
    ours, behind = given, list[str]()
    if "--" in given:
        at = given.index("--")
        ours, behind = given[:at], given[at + 1 :]
    return parser.parse_args(ours), behind


def _seconds(text: str) -> float:
    seconds = float(text)
    if seconds <= 0:
        raise argparse.ArgumentTypeError("a number of seconds above 0")
    return seconds


def _only_one(folder: Path) -> IO[str] | None:
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / _LOCK).open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _refuse(words: str) -> int:
    print(words, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
