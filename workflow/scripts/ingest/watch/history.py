"""How often an intake was run, how its last run ended, and when it is due again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ingest.atomic import write_text
from ingest.intakes import Intake

FILE = "history.json"  # in the intake's folder
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class History:
    """`ended` is when the last run ended, in seconds since 1970. `done` intakes are not run again;
    `reported` tells whether the way in has heard of the last run."""

    attempts: int = 0
    status: int = 0
    ended: float = 0.0
    done: bool = False
    reported: bool = True

    def due(self, pause: float) -> float:
        """When it is to be run (again): after `pause` seconds, twice as many, up to a day."""
        if not self.attempts:
            return 0.0
        return self.ended + min(pause * 2.0 ** min(self.attempts - 1, 30), _DAY)

    def after(self, status: int, now: float, complete: bool) -> History:
        return History(self.attempts + 1, status, now, complete, reported=False)

    def heard(self) -> History:
        return replace(self, reported=True)


def read_history(intake: Intake) -> History:
    """Of an intake that was never run: a history without attempts."""
    path = _path(intake)
    return History(**json.loads(path.read_text())) if path.exists() else History()


def write_history(intake: Intake, history: History) -> None:
    write_text(_path(intake), json.dumps(asdict(history)) + "\n")


def _path(intake: Intake) -> Path:
    return intake.folder / FILE
