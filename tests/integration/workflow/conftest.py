from __future__ import annotations

from pathlib import Path

import pytest

from .workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "source").mkdir()
    made = Workspace(tmp_path)
    made.configure()
    return made
