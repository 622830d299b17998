"""One look at the database: what is open is taken, what finished is told."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from ingest.config import Config
from ingest.fileset import BadText
from ingest.intakes import Intake
from ingest.orders.claims import Row, converting, end, mine, open_orders, take
from ingest.orders.intake import intake_name, is_written, owner_of, sentence, write_intake
from ingest.orders.order import parse_order
from ingest.orders.outcome import outcome_of


@dataclass
class Polled:
    """What a look found: intakes that were written, and why orders (by uuid) were refused."""

    taken: list[Intake] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


class Poller:
    """Takes orders into `folder` and tells what becomes of them.

    Every function may raise StageError (see `tables.database`) and OSError: what is taken stays
    taken, and the next look goes on with it.
    """

    def __init__(self, engine: Engine, config: Config, folder: Path, log: logging.Logger) -> None:
        self._engine = engine
        self._config = config
        self._folder = folder
        self._log = log
        self._owner = owner_of(folder)

    def take_open(self) -> Polled:
        """Takes every open order, and has the folder of each that was taken."""
        found = Polled()
        for row in self.mine():
            if not is_written(self.intake(row), row["id"]):
                self._write(row, found)  # whoever took it was killed before
        for import_id in open_orders(self._engine, self._owner):
            taken = take(self._engine, import_id, self._owner)
            if taken is not None:
                self._write(taken, found)
        return found

    def mine(self) -> list[Row]:
        return mine(self._engine, self._owner)

    def intake(self, row: Row) -> Intake:
        return Intake(self._folder / intake_name(row["uuid"]))

    def order_of(self, intake: Intake) -> Row | None:
        """The order whose intake it is; None when it is ended."""
        return next((row for row in self.mine() if self.intake(row) == intake), None)

    def tell_converting(self, row: Row) -> None:
        """Tells, the first time, that an order is at work, if it converts: its stage is that."""
        if row["preprocessing_id"] is not None:
            converting(self._engine, row)

    def tell_end(self, row: Row) -> str | None:
        """Tells how an order ended, if its results say so: what they say (see `outcome_of`)."""
        problem = outcome_of(self.intake(row))
        if problem is not None:
            self.end(row, problem)
        return problem

    def end(self, row: Row, problem: str) -> None:
        """Tells that an order failed, or, without a problem, that it is in OMERO."""
        end(self._engine, row, problem)
        self._log.info("order %s: %s", row["uuid"], problem or "is in OMERO")

    def _write(self, row: Row, found: Polled) -> None:
        intake = self.intake(row)
        try:
            order = parse_order(row, self._config.orders, self._config.converters)
            write_intake(intake, row["id"], order, self._config)
        except BadText as error:
            problem = sentence(error)
            end(self._engine, row, problem)
            found.refused[row["uuid"]] = problem
            self._log.info("order %s is refused: %s", row["uuid"], problem)
        else:
            found.taken.append(intake)
            self._log.info("order %s is taken", row["uuid"])
