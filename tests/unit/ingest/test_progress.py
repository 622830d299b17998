"""A job notes how far it is, for the main process to read."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.progress import Progress, progress_path
from tests.fixtures.waiting import wait_until


def noted(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_it_is_noted_at_the_beginning_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    path = progress_path(tmp_path, "checksum", "b.1")
    progress = Progress()
    with progress.noted(path, 2_000, interval=0.02):
        assert noted(path) | {"seconds": 0} == {
            "filesets": 0,
            "failed": 0,
            "bytes": 0,
            "size": 2_000,
            "seconds": 0,
            "ended": False,
        }
        progress.advance(1_500)
        progress.fileset_done()
        progress.fileset_done(failed=True)
        wait_until(lambda: noted(path)["filesets"] == 2, "the next note")
        assert (noted(path)["bytes"], noted(path)["failed"]) == (1_500, 1)
        assert not noted(path)["ended"]
        progress.advance(500)
    assert (noted(path)["bytes"], noted(path)["ended"]) == (2_000, True)
    assert noted(path)["seconds"] > 0
    assert [each.name for each in path.parent.iterdir()] == ["checksum.b.1"]


def test_what_breaks_off_has_not_ended(tmp_path: Path) -> None:
    path = progress_path(tmp_path, "checksum", "b")
    with pytest.raises(RuntimeError), Progress().noted(path, 0):
        raise RuntimeError
    assert not noted(path)["ended"]


def test_no_place_to_write_fails_no_job(tmp_path: Path) -> None:
    (tmp_path / ".progress").write_text("a file, not a folder")
    worked = False
    with Progress().noted(progress_path(tmp_path, "checksum", "b"), 0):
        worked = True
    assert worked
