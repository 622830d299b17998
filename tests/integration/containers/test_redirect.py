"""Links of OMERO's repository are led from scratch to the store, whatever is killed in between."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from ingest.context import Context
from ingest.conversion import place
from ingest.conversion.redirect import redirected
from ingest.fileset import Fileset, Record, StageError
from ingest.journal import Journal
from ingest.stages.convert import STAGE
from tests.integration.containers.rig import context_of, files_in

COMMAND = "sh {folder}/script.sh {{input}} {{output}}"
SCRIPT = 'mkdir "$2/sub"; cp "$1" "$2/a.tif"; cp "$1" "$2/sub/a.tif"'


class Killed(BaseException):
    """Stands for the end of the process."""


def imported(folder: Path) -> tuple[Context, Fileset, Record]:
    """A fileset of two files that was converted in scratch, and imported by links."""
    (folder / "raw").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 4000, (16, 16), "uint16")
    tifffile.imwrite(folder / "raw/a.ome.tif", pixels)
    (folder / "script.sh").write_text(SCRIPT)
    tool = {"runtime": "host", "command": COMMAND.format(folder=folder)}
    context = context_of(
        folder,
        {"c": tool},
        scratch=str(folder / "fast"),
        stage_then_redirect=True,
        keep_original="archive",
    )
    row = Fileset("a", 2, str(folder / "raw/a.ome.tif"), convert="c")
    record = STAGE.run(row, Record("a", "plan", "notneeded"), context)
    links = {}
    for file in record.files:
        link = folder / "ManagedRepository" / Path(file.name).relative_to("converted")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file.path)
        links[file.name] = str(link)
    facts = {**record.facts, "repository_files": links}
    return context, row, replace(record, stage="import", facts=facts)


@contextmanager
def killed_at(step: int) -> Iterator[Callable[[], int]]:
    """Ends the block with Killed before the `step`-th change to the disk; the steps there were."""
    steps = 0

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any, **keywords: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == step:
                raise Killed
            return change(*arguments, **keywords)

        return changed

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in (
            (Path, "rename"), (Path, "symlink_to"), (Path, "mkdir"), (Path, "unlink"),
            (Path, "chmod"), (os, "open"), (os, "unlink"), (Journal, "append"), (place, "remove"),
        ):  # fmt: skip
            patch.setattr(owner, name, counted(getattr(owner, name)))
        yield lambda: steps


def check_finished(folder: Path, context: Context, record: Record) -> None:
    home = folder / "store/a"
    assert files_in(folder / "store") == [
        "a/conversion.json", "a/converted/a.tif", "a/converted/sub/a.tif", "a/original/a.ome.tif",
    ]  # fmt: skip
    assert files_in(folder / "fast") == []
    for name, link in record.facts["repository_files"].items():
        assert Path(link).readlink() == home / name
        assert Path(link).read_bytes() == (folder / "raw/a.ome.tif").read_bytes()
    links = [path for path in (folder / "ManagedRepository").rglob("*") if not path.is_dir()]
    assert len(links) == 2
    assert [file.path for file in record.files] == [str(home / file.name) for file in record.files]
    assert record.facts["conversion"]["folder"] == str(home)


def test_links_lead_to_the_store_and_scratch_is_empty(tmp_path: Path) -> None:
    context, row, record = imported(tmp_path)
    check_finished(tmp_path, context, redirected(row, record, context))
    check_finished(tmp_path, context, redirected(row, record, context))


def test_killed_at_any_step_the_next_run_finishes(tmp_path: Path) -> None:
    folder, steps = tmp_path / "0", 1
    context, row, record = imported(folder)
    with killed_at(0) as counted:
        redirected(row, record, context)
        steps = counted()
    assert steps > 20
    for step in range(1, steps + 1):
        folder = tmp_path / str(step)
        context, row, record = imported(folder)
        with pytest.raises(Killed), killed_at(step):
            redirected(row, record, context)
        for link in record.facts["repository_files"].values():
            assert Path(link).read_bytes() == (folder / "raw/a.ome.tif").read_bytes(), step
        check_finished(folder, context, redirected(row, record, context))


def test_what_a_killed_copy_to_the_store_left_is_removed(tmp_path: Path) -> None:
    context, row, record = imported(tmp_path)
    redirected(row, record, context)
    left = place.attempt(tmp_path / "store" / place.SCRATCH, context.results, "a")
    (left / "half.tif").write_bytes(b"half")
    check_finished(tmp_path, context, redirected(row, record, context))


def test_a_link_that_is_not_ours_is_left(tmp_path: Path) -> None:
    context, row, record = imported(tmp_path)
    link = Path(record.facts["repository_files"]["converted/a.tif"])
    link.unlink()
    link.symlink_to("/elsewhere")
    with pytest.raises(StageError, match="leads to /elsewhere"):
        redirected(row, record, context)
    assert str(link.readlink()) == "/elsewhere"
    assert len(files_in(tmp_path / "fast")) == 4


def test_what_changed_in_scratch_is_not_brought_to_the_store(tmp_path: Path) -> None:
    context, row, record = imported(tmp_path)
    changed = Path(record.files[0].path)
    changed.chmod(0o644)
    changed.write_bytes(b"other")
    with pytest.raises(StageError, match="is not what was converted"):
        redirected(row, record, context)
    assert files_in(tmp_path / "store") == []
    assert changed.exists()


def test_other_bytes_in_the_store_keep_scratch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, row, record = imported(tmp_path)
    publish = place.publish

    def corrupting(ready: Path, home: Path, facts: dict[str, Any]) -> None:
        publish(ready, home, facts)
        stored = home / "converted/a.tif"
        stored.chmod(0o644)
        stored.write_bytes(b"corrupt")

    monkeypatch.setattr(place, "publish", corrupting)
    with pytest.raises(StageError, match="other bytes than were imported"):
        redirected(row, record, context)
    assert len(files_in(tmp_path / "fast")) == 4
