"""A drop folder, a clock that the test sets, and what was handed on."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ingest.config import load
from ingest.drop import scan as scanning
from ingest.drop.hand_on import files_of
from ingest.drop.scan import Account
from ingest.drop.way_in import DropFolders
from ingest.intakes import Intake, intakes_of, read_rows
from tests.fixtures import dying_scan, forked


@dataclass
class Box:
    """Trees are scanned for one file a fileset unless `tree` says otherwise."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    tree: dict[str, Any] = field(default_factory=dict)
    options_of_watch: dict[str, Any] = field(default_factory=dict)
    now: float = 1_000_000.0

    def __post_init__(self) -> None:
        self.root.mkdir(exist_ok=True)
        self.monkeypatch.setattr(scanning.time, "time", lambda: self.now)

    @property
    def root(self) -> Path:
        return self.folder / "DropBox"

    @property
    def options(self) -> dict[str, Any]:
        tree = {"root": str(self.root), "group_by": "file", "settle": 60, **self.tree}
        return {
            "drop": {"box": tree},
            "watch": {"intakes": str(self.folder / "intakes"), **self.options_of_watch},
            "results": str(self.folder / "results"),
        }

    @property
    def way_in(self) -> DropFolders:
        return DropFolders(load(self.options))

    def scan_killed(self, dies_at: int, after: float = 60) -> bool:
        """A scan `after` seconds more that is killed before its step `dies_at`; whether it was."""
        self.now += after
        process = forked.start(dying_scan.scan, self.options, self.now, dies_at)
        code = forked.exit_code(process)
        assert code in (0, dying_scan.KILLED)
        return code == dying_scan.KILLED

    def write(self, name: str, content: str | bytes = "pixels") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def scan(self, after: float = 60) -> Account:
        """A scan `after` seconds more."""
        self.now += after
        return self.way_in.look()

    def settle(self) -> Account:
        """Two scans with the time to settle in between; the second's account."""
        self.scan()
        return self.scan()

    @property
    def intakes(self) -> list[Intake]:
        return intakes_of(self.folder / "intakes" / "drop")

    @property
    def rows(self) -> list[dict[str, str]]:
        return [row for intake in self.intakes for row in read_rows(intake)]

    @property
    def handed(self) -> list[list[str]]:
        """The files of each fileset that was handed on, relative to the root."""
        return sorted(
            [os.path.relpath(path, self.root) for path, _, _ in files]
            for intake in self.intakes
            for files in files_of(intake).values()
        )
