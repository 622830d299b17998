"""The loop over ways in: what is due, what is told, what happens when something fails or dies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingest.fileset import StageError
from ingest.intakes import Intake, Outcome, write_intake
from ingest.run_lock import hold_run_lock
from ingest.watch import loop as looping
from ingest.watch.history import read_history
from ingest.watch.loop import Loop, forget_pauses
from ingest.watch.options import Watch

ROW = {"fileset": "a", "path": "/data/a.tif"}


@dataclass
class Source:
    """A way in that writes the intakes it is told to."""

    folder: Path
    name: str = "source"
    coming: list[str] = field(default_factory=list)
    told: list[tuple[str, int, int, bool]] = field(default_factory=list)
    refuses: list[Exception] = field(default_factory=list)
    has_work: bool = True

    def collect(self) -> Sequence[Intake]:
        names, self.coming = self.coming, []
        return [write_intake(self.folder / self.name / name, [ROW]) for name in names]

    def prepare(self, intake: Intake) -> bool:
        return self.has_work

    def running(self, intake: Intake) -> None: ...

    def report(self, outcome: Outcome) -> None:
        if self.refuses:
            raise self.refuses.pop(0)
        self.told.append((outcome.intake.id, outcome.status, outcome.attempts, outcome.gave_up))


@dataclass
class World:
    folder: Path
    now: float = 1_000_000.0
    statuses: list[int] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    is_stopped: bool = False

    def loop(self, *sources: Source) -> Loop:
        options = Watch(intakes=self.folder, retry_minutes=5, attempts=4, throttle=10)
        return Loop(
            options,
            sources,
            self.start,
            lambda: self.is_stopped,
            self.pauses.append,
            nullcontext,
            self.said.append,
        )

    def start(self, intake: Intake) -> EndedRun:
        self.ran.append(intake.id)
        status = self.statuses.pop(0) if self.statuses else 0
        if status == 0:
            intake.results.mkdir(parents=True, exist_ok=True)
            (intake.results / "complete").touch()
        return EndedRun(status)


@dataclass
class EndedRun:
    status: int

    def wait(self, look: Callable[[], None], stopped: Callable[[], bool]) -> int:
        look()
        return self.status


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path / "intakes")
    monkeypatch.setattr(looping.time, "time", lambda: made.now)
    return made


def test_new_intakes_are_run_once_with_a_pause_in_between(world: World) -> None:
    source = Source(world.folder, coming=["a", "b"])
    loop = world.loop(source)
    assert loop.turn() and loop.turn()
    assert world.ran == ["a", "b"]
    assert world.pauses == [10]
    assert source.told == [("a", 0, 1, False), ("b", 0, 1, False)]


def test_what_failed_is_run_again_after_longer_and_longer_pauses_and_then_left(
    world: World,
) -> None:
    source = Source(world.folder, coming=["a"])
    world.statuses = [1] * 9
    loop, begin, times = world.loop(source), world.now, []
    for minute in range(0, 100):
        world.now = begin + 60 * minute
        before = len(world.ran)
        loop.turn()
        times += [minute] * (len(world.ran) - before)
    assert times == [0, 5, 15, 35]
    assert [told[1:] for told in source.told] == [
        (1, 1, False), (1, 2, False), (1, 3, False), (1, 4, True)
    ]  # fmt: skip
    assert "left to you" in world.said[-1]

    forget_pauses(loop.options, [source])
    world.statuses = []
    assert world.loop(source).turn()
    assert source.told[-1] == ("a", 0, 1, False)


def test_a_report_that_was_not_heard_is_made_again(world: World) -> None:
    refusals = [StageError("the database does not answer", "Start it."), RuntimeError("odd")]
    source = Source(world.folder, coming=["a"], refuses=list(refusals))
    for _ in range(3):
        world.loop(source).turn()
    assert (world.ran, source.told) == (["a"], [("a", 0, 1, False)])
    assert "the database does not answer. Start it." in world.said[2]


def test_a_run_that_was_stopped_is_no_failure(world: World) -> None:
    source = Source(world.folder, coming=["a"])
    loop = world.loop(source)

    class Stopped(EndedRun):
        def wait(self, look: Callable[[], None], stopped: Callable[[], bool]) -> int:
            world.is_stopped = True
            return 130

    loop.start = lambda intake: Stopped(130)
    loop.turn()
    assert source.told == []
    world.is_stopped = False
    world.loop(source).turn()
    assert source.told == [("a", 0, 1, False)]


def test_a_run_that_outlived_its_watch_is_waited_for(world: World) -> None:
    source = Source(world.folder, coming=["a"])
    intake = Intake(world.folder / "source" / "a")
    source.collect()
    with hold_run_lock(intake.results):
        world.loop(source).turn()
        assert world.ran == []
    assert world.loop(source).turn()
    assert read_history(intake).attempts == 1


def test_one_way_in_that_fails_does_not_close_the_others(world: World) -> None:
    broken, sound = Source(world.folder, "broken"), Source(world.folder, coming=["a"])

    def fail() -> Sequence[Intake]:
        raise OSError("no such share")

    broken.collect = fail  # type: ignore[method-assign]
    assert not world.loop(broken, sound).turn()
    assert world.ran == ["a"]


def test_an_intake_that_cannot_be_prepared_is_tried_again(world: World) -> None:
    source, other = Source(world.folder, coming=["a"]), Source(world.folder, "z", coming=["b"])

    def fail(intake: Intake) -> bool:
        raise StageError("the state is damaged", "Remove it")

    prepare = source.prepare
    source.prepare = fail  # type: ignore[method-assign]
    assert not world.loop(source, other).turn()
    assert world.ran == ["b"]
    source.prepare = prepare  # type: ignore[method-assign]
    assert world.loop(source, other).turn()
    assert world.ran == ["b", "a"]


def test_an_intake_with_nothing_left_is_done_without_a_run(world: World) -> None:
    source = Source(world.folder, coming=["a"], has_work=False)
    assert world.loop(source).turn()
    assert world.ran == []
    assert read_history(Intake(world.folder / "source" / "a")).done
