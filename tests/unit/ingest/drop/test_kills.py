"""Scans that are killed at every step, and at any: nothing is lost, nothing comes twice."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from ingest.drop.hand_on import files_of
from ingest.drop.way_in import STATE

from .box import Box


def test_a_scan_that_is_killed_at_any_step_hands_on_once(tmp_path: Path, monkeypatch) -> None:
    step, killed = 0, True
    while killed:
        folder = tmp_path / str(step)
        folder.mkdir()
        box = Box(folder, monkeypatch, {"batch": 2})
        for number in range(3):
            box.write(f"ada/{number}.tif", str(number))
        box.scan()
        killed = box.scan_killed(step)
        if step % 10 == 9:  # one more kill on the way, at an early step of the repair
            box.scan_killed(step % 7, after=0)
        box.scan(0)
        assert box.handed == [["ada/0.tif"], ["ada/1.tif"], ["ada/2.tif"]]
        assert box.scan().filesets == 0
        leftovers = [path.name for path in (folder / "intakes/drop").iterdir()]
        assert not [name for name in leftovers if name.startswith(".")]
        step += 1
    assert step > 20


def test_a_state_that_is_lost_is_made_anew_from_the_intakes(box: Box) -> None:
    box.write("ada/a.tif", "a")
    box.settle()
    (box.folder / "intakes" / STATE).unlink()
    box.write("ada/b.tif", "b")
    box.settle()
    assert box.handed == [["ada/a.tif"], ["ada/b.tif"]]


def test_an_intake_goes_without_what_was_replaced_since(box: Box) -> None:
    box.tree = {"batch": 10}
    box.write("ada/a.tif", "broken")
    box.write("ada/b.tif", "b")
    box.settle()
    (intake,) = box.intakes
    assert box.way_in.prepare(intake)
    assert len(box.rows) == 2
    box.write("ada/a.tif", "repaired")
    assert box.way_in.prepare(intake)
    assert [Path(row["path"]).name for row in box.rows] == ["b.tif"]
    box.settle()
    assert sorted(Path(row["path"]).name for row in box.rows) == ["a.tif", "b.tif"]

    box.write("ada/a.tif", "repaired again")
    assert sorted(map(box.way_in.prepare, box.intakes)) == [False, True]


NAMES = st.sampled_from(["ada/a.tif", "ada/b.tif", "ada/sub/c.tif", "grace/d.tif"])


class DropBox(RuleBasedStateMachine):
    """What people and programs do to a drop folder; every content is another one."""

    def __init__(self) -> None:
        super().__init__()
        self.temporary = TemporaryDirectory()
        self.patch = pytest.MonkeyPatch()
        self.box = Box(Path(self.temporary.name), self.patch)
        self.written = 0

    def teardown(self) -> None:
        self.box.settle()
        handed = self._handed()
        for path in self.box.root.rglob("*.tif"):
            assert handed[_print(path.read_bytes())] == 1, path
        assert set(handed.values()) <= {1}
        self.patch.undo()
        self.temporary.cleanup()

    def _handed(self) -> Counter[str]:
        """How often each content was handed on."""
        return Counter(
            found
            for intake in self.box.intakes
            for files in files_of(intake).values()
            for _, _, found in files
        )

    def _path(self, name: str) -> Path:
        path = self.box.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _content(self) -> str:
        self.written += 1
        return f"content {self.written:06}"  # all of one length

    @property
    def _present(self) -> list[Path]:
        return sorted(self.box.root.rglob("*.tif"))

    @rule(name=NAMES)
    def write(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)
        self.box.write(name, self._content())

    @precondition(lambda self: self._present)
    @rule(data=st.data())
    def write_over(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(self._present))
        if path.stat().st_nlink == 1:
            path.write_text(self._content())

    @precondition(lambda self: self._present)
    @rule(data=st.data())
    def replace_keeping_its_time(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(self._present))
        other = self.box.folder / "other"
        other.write_text(self._content())
        os.utime(other, ns=(0, path.stat().st_mtime_ns))
        other.replace(path)

    @precondition(lambda self: self._present)
    @rule(data=st.data(), name=NAMES)
    def rename(self, data: st.DataObject, name: str) -> None:
        data.draw(st.sampled_from(self._present)).replace(self._path(name))

    @precondition(lambda self: self._present)
    @rule(data=st.data(), name=NAMES)
    def link(self, data: st.DataObject, name: str) -> None:
        source, target = data.draw(st.sampled_from(self._present)), self._path(name)
        if not target.exists():
            target.hardlink_to(source)

    @precondition(lambda self: self._present)
    @rule(data=st.data(), mode=st.sampled_from([0o600, 0o644, 0o400]))
    def chmod(self, data: st.DataObject, mode: int) -> None:
        data.draw(st.sampled_from(self._present)).chmod(mode)

    @precondition(lambda self: self._present)
    @rule(data=st.data(), name=NAMES)
    def move_over_another_disk(self, data: st.DataObject, name: str) -> None:
        source, target = data.draw(st.sampled_from(self._present)), self._path(name)
        if source != target and source.stat().st_nlink == 1:
            shutil.copy2(source, self.box.folder / "away")
            source.unlink()
            (self.box.folder / "away").replace(target)

    @precondition(lambda self: self._present)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self._present)).unlink()

    @rule(after=st.sampled_from([1, 30, 60]))
    def scan(self, after: float) -> None:
        self.box.scan(after)

    @rule(dies_at=st.integers(0, 60))
    def scan_killed(self, dies_at: int) -> None:
        self.box.scan_killed(dies_at)


def _print(content: bytes) -> str:
    digest = blake3(len(content).to_bytes(8, "little"))
    digest.update(content)
    return digest.hexdigest(16)


TestDropBox = DropBox.TestCase
TestDropBox.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes
    suppress_health_check=list(HealthCheck),
)
