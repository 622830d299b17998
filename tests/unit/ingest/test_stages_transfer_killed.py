"""Whatever step of a transfer is its last, nothing is lost and the next run completes it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.context import Context
from ingest.copying import partial_path
from ingest.fileset import Fileset, Record, StageError
from ingest.stages import checksum, transfer
from tests.fixtures.prepared import prepare_login
from tests.unit.ingest.landing import NAMES, World, check_landed


class Killed(BaseException):
    """Stands for the end of the process: no code of ours catches it."""


STEPS = (
    (os, "link"),
    (os, "write"),
    (os, "fsync"),
    (os, "utime"),
    (Path, "chmod"),
    (Path, "rename"),
    (Path, "unlink"),
    (Path, "mkdir"),
    (Path, "symlink_to"),
)


class Saboteur:
    """Lets the n-th of all steps fail with `error`, before or after it is done."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, fatal: int, error: BaseException, after: bool
    ) -> None:
        self.steps = 0
        self.fatal, self.error, self.after = fatal, error, after
        for module, name in STEPS:
            monkeypatch.setattr(module, name, self.wrap(getattr(module, name)))

    def wrap(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def sabotaged(*arguments: Any, **options: Any) -> Any:
            self.steps += 1
            if self.steps == self.fatal and not self.after:
                raise self.error
            result = step(*arguments, **options)
            if self.steps == self.fatal and self.after:
                raise self.error
            return result

        return sabotaged


# Killed after one step is killed before the next.
@pytest.mark.parametrize(
    ("error", "after"),
    [
        (Killed(), False),
        (OSError(5, "Input/output error"), False),
        (OSError(5, "Input/output error"), True),
    ],
)
@pytest.mark.parametrize("mode", ["ln", "cp", "ln_s", "mv", "mv by copy"])
def test_whatever_step_is_the_last_nothing_is_lost_and_a_rerun_completes_it(
    world: World, mode: str, error: BaseException, after: bool
) -> None:
    world.context.threads = 1  # the same steps in the same order
    mode, copies = mode.split()[0], mode.endswith("copy")
    pristine = world.folder.with_name("pristine")
    shutil.copytree(world.folder, pristine)
    fatal = 0
    while True:
        fatal += 1
        with pytest.MonkeyPatch.context() as monkeypatch:
            if copies:
                monkeypatch.setattr(transfer, "link_obstacle", lambda path, folder: "too far")
            saboteur = Saboteur(monkeypatch, fatal, error, after)
            with suppress(Killed, StageError, OSError):
                world.run(mode)
        if saboteur.steps < fatal:
            break
        whole = {world.store / name for name in NAMES} | {world.folder / name for name in NAMES}
        for name in NAMES:
            kept = [path for path in whole if path.match(name) and path.exists()]
            assert kept, f"{name} is lost after step {fatal}"
            for path in kept:
                assert path.read_text() == Path(name).name
        with pytest.MonkeyPatch.context() as monkeypatch:
            if copies:
                monkeypatch.setattr(transfer, "link_obstacle", lambda path, folder: "too far")
            record = world.run(mode)
        if mode == "mv":  # by links, or by copies after a link failed
            assert (world.stored(), world.sources()) == (sorted(NAMES), [])
        else:
            check_landed(world, mode, record)
        # The world as it was; the inodes are other ones, which the record has to follow.
        for folder in (world.store, world.folder, world.context.journal.folder):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(pristine, world.folder)
        files = tuple(
            replace(file, inode=Path(file.path).stat().st_ino) for file in world.upstream.files
        )
        world.upstream = replace(world.upstream, files=files)
    assert fatal > 6


MOVER = """
import json, sys
from pathlib import Path
from ingest.config import load
from ingest.context import Context
from ingest.fileset import Fileset, Record
from ingest.journal import Journal
from ingest.stages import transfer
from tests.fixtures.dying import moments_until, watch_changes

root = Path(sys.argv[1])
transfer.link_obstacle = lambda path, folder: "too far"
config = load({"transfer": {"store": str(root / "store")}})
context = Context(config, root, Journal(root / "journal"), 1)
upstream = Record.from_json(json.load((root / "upstream.json").open()))
at = moments_until(int(sys.argv[2]), root / "died")
watch_changes(at, (str(root / "data"), str(root / "store")), root / "died")
transfer.run(Fileset("a", 2, str(root), transfer="mv"), upstream, context)
"""


def test_killed_again_and_again_a_move_completes(
    tmp_path: Path,
    context: Context,
    source_record: Callable[..., Record],
    python_env: dict[str, str],
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    contents = {f"{number}.tif": os.urandom(1 << 20) for number in range(3)}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    record = source_record("a", folder, *(folder / name for name in contents))
    upstream = checksum.STAGE.run(Fileset("a", 2, str(folder)), record, context)
    (tmp_path / "upstream.json").write_text(json.dumps(upstream.to_json()))
    prepare_login(tmp_path)
    deaths: list[str] = []
    while True:
        mover = [sys.executable, "-c", MOVER, str(tmp_path), str(3 * len(deaths))]
        ended = subprocess.run(mover, env=python_env, check=False)
        for name in contents:
            assert (folder / name).exists() or (tmp_path / "store" / "a" / name).exists()
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
        deaths.append((tmp_path / "died").read_text())
    assert {death.split()[0] for death in deaths} >= {"open", "os.rename", "os.remove"}
    assert list(folder.iterdir()) == []
    for name, content in contents.items():
        assert (tmp_path / "store" / "a" / name).read_bytes() == content
        assert not partial_path(tmp_path / "store" / "a" / name).exists()
