"""The loop: ask the ways in, run what is due, report; again and again, until it is stopped."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ingest.fileset import StageError
from ingest.intakes import Intake, Outcome, WayIn, intakes_of
from ingest.run_lock import RunInProgress, hold_run_lock
from ingest.watch.history import History, read_history, write_history
from ingest.watch.options import Watch
from ingest.watch.running import LOG


class Running(Protocol):
    """A run of an intake, as `ingest.watch.running.Run` is one."""

    def wait(self, look: Callable[[], None], stopped: Callable[[], bool]) -> int: ...


@dataclass
class Loop:
    """`start` begins the run of an intake; `stopped` tells whether to end; `interruptible` is held
    where a signal may end the process at once."""

    options: Watch
    ways_in: Sequence[WayIn]
    start: Callable[[Intake], Running]
    stopped: Callable[[], bool]
    pause: Callable[[float], None]
    interruptible: Callable[[], AbstractContextManager[None]]
    say: Callable[[str], None] = lambda text: print(text, flush=True)
    _finished: set[Path] = field(default_factory=set)

    def turn(self) -> bool:
        """One look at all ways in and one run of every intake that is due; whether all went well.

        An intake counts as well when it is complete, or was given up and told so before.
        """
        well = True
        for way_in in self.ways_in:
            with self.interruptible():
                well &= self._collect(way_in)
        ran = False
        for way_in in self.ways_in:
            for intake in intakes_of(self.options.intakes / way_in.name):
                if intake.folder in self._finished:
                    continue
                if self.stopped():
                    return well
                if ran and self._is_due(intake):
                    self.pause(self.options.throttle)
                    if self.stopped():
                        return well
                done, success = self._attend(way_in, intake)
                ran |= done
                well &= success
        return well

    def _collect(self, way_in: WayIn) -> bool:
        with self._telling_failures(way_in):
            for intake in way_in.collect():
                self._finished.discard(intake.folder)  # an order that was given again
                self.say(f"{way_in.name}: new intake {intake.id}")
            return True
        return False

    @contextmanager
    def _telling_failures(self, way_in: WayIn) -> Iterator[None]:
        """One way in that fails must not close the others."""
        try:
            yield
        except StageError as error:
            self.say(f"{way_in.name}: {error.cause}. {error.remedy}")
        except Exception as error:
            self.say(
                f"{way_in.name}: unexpected {type(error).__name__}: {error}; it will be tried again"
            )
            traceback.print_exc(file=sys.stderr)

    def _is_due(self, intake: Intake) -> bool:
        history = read_history(intake)
        return (
            not history.done
            and history.attempts < self.options.attempts
            and history.due(self.options.retry_minutes * 60) <= time.time()
        )

    def _attend(self, way_in: WayIn, intake: Intake) -> tuple[bool, bool]:
        """Whether it was run, and whether nothing is amiss with it."""
        history = read_history(intake)
        if not history.reported:
            self._report(way_in, intake, history)
            history = read_history(intake)
        if history.done or history.attempts >= self.options.attempts:
            if history.reported:
                self._finished.add(intake.folder)
            return False, True
        if not self._is_due(intake) or self._is_run_by_another(intake):
            return False, False
        is_needed = None
        with self._telling_failures(way_in):
            is_needed = way_in.prepare(intake)
        if is_needed is None:
            return False, False
        if not is_needed:
            self.say(f"{way_in.name}: {intake.id} has nothing left to do")
            write_history(intake, replace(history, done=True))
            return False, True
        return True, self._run(way_in, intake, history)

    def _run(self, way_in: WayIn, intake: Intake, history: History) -> bool:
        number = history.attempts + 1
        self.say(f"{way_in.name}: running {intake.id} (attempt {number})")
        run = self.start(intake)
        status = run.wait(lambda: way_in.running(intake), self.stopped)
        if self.stopped() and status != 0:
            self.say(f"{way_in.name}: {intake.id} was stopped; the next start continues it")
            return False
        complete = status == 0 and intake.complete
        history = history.after(status, time.time(), complete)
        write_history(intake, history)
        self._report(way_in, intake, history)
        self.say(f"{way_in.name}: {intake.id} {self._words(intake, history)}")
        return complete

    def _report(self, way_in: WayIn, intake: Intake, history: History) -> None:
        gave_up = not history.done and history.attempts >= self.options.attempts
        outcome = Outcome(intake, history.status, history.attempts, gave_up)
        was_heard = False
        with self._telling_failures(way_in):
            way_in.report(outcome)
            was_heard = True
        if was_heard:
            write_history(intake, history.heard())

    def _words(self, intake: Intake, history: History) -> str:
        if history.done:
            return "is complete"
        log = intake.folder / LOG
        if history.attempts >= self.options.attempts:
            return f"failed {history.attempts} times and is left to you: {log}"
        seconds = history.due(self.options.retry_minutes * 60) - history.ended
        return f"failed: {log}; again in {seconds / 60:.0f} minutes"

    def _is_run_by_another(self, intake: Intake) -> bool:
        """Such as a run that outlived the watch that began it."""
        try:
            hold_run_lock(intake.results).close()
        except RunInProgress as error:
            self.say(str(error))
            return True
        return False


def forget_pauses(options: Watch, ways_in: Sequence[WayIn]) -> None:
    """Have every intake that is not done be run at once, however often it was."""
    for way_in in ways_in:
        for intake in intakes_of(options.intakes / way_in.name):
            history = read_history(intake)
            if not history.done:
                write_history(intake, replace(history, attempts=0))
