"""Orders as a way in: what the watch loop asks and tells."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ingest.config import Config
from ingest.fileset import StageError
from ingest.intakes import Intake, Outcome
from ingest.orders.intake import problem_of_manifest
from ingest.orders.poll import Poller
from ingest.orders.tables import database

NAME = "orders"


class OrdersWayIn:
    """A WayIn (see `ingest.intakes`).

    An order some of whose files failed has ended: people are told at once, and give it again when
    that is repaired. A run that did not come to its end is repeated.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._folder = config.watch.intakes / NAME
        self._log = logging.getLogger(__name__)
        self._told: set[Intake] = set()  # that they are at work

    @property
    def name(self) -> str:
        return NAME

    def collect(self) -> Sequence[Intake]:
        with self._poller() as poller:
            found = poller.take_open().taken
        self._told.difference_update(found)
        return found

    def prepare(self, intake: Intake) -> bool:
        try:
            with self._poller() as poller:
                return poller.order_of(intake) is not None
        except StageError as error:
            self._log.warning("%s", error.cause)
            return True  # it is ours, and a run of what is done does nothing

    def running(self, intake: Intake) -> None:
        if intake in self._told:
            return
        try:
            with self._poller() as poller:
                row = poller.order_of(intake)
                if row is not None:
                    poller.tell_converting(row)
        except StageError as error:
            self._log.warning("%s", error.cause)
        else:
            self._told.add(intake)

    def report(self, outcome: Outcome) -> None:
        with self._poller() as poller:
            row = poller.order_of(outcome.intake)
            if row is None or poller.tell_end(row) is not None:
                return
            problem = self._no_end(outcome) if outcome.status else ""
            if problem:
                poller.end(row, problem)

    def _no_end(self, outcome: Outcome) -> str:
        """Why no run of an order will say what became of its files; empty while one may."""
        problem = problem_of_manifest(outcome.intake, self._config)
        if not problem and outcome.gave_up:
            return (
                f"{outcome.attempts} runs of it were cut short. Ask who runs the "
                f"import: {outcome.intake.results} has details."
            )
        return problem

    @contextmanager
    def _poller(self) -> Iterator[Poller]:
        with database() as engine:
            yield Poller(engine, self._config, self._folder, self._log)
