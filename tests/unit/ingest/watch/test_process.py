"""`python -m ingest.watch` as a process: its words, its lock, its unit, and how it wakes."""

from __future__ import annotations

import fcntl
import re
import shlex
import threading
from pathlib import Path

import pytest
import yaml

from ingest.intakes import Intake
from ingest.watch.__main__ import _arguments, main
from ingest.watch.running import command
from ingest.watch.wake import woken
from tests.fixtures.waiting import PATIENCE

ROOT = Path(__file__).parents[4]
UNIT = ROOT / "systemd" / "omero-ingest-watch.service"


def test_a_configuration_that_cannot_be_used_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    for text, words in (
        ("drop: {a: {}}", "drop.a.root"),
        ("results: r", "nothing to watch"),
        ("drop: [", "config.yaml"),
    ):
        path.write_text(text)
        assert main(["--configfile", str(path), "--once"]) == 2
        assert words in capsys.readouterr().err


def test_one_watch_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"drop": {"root": str(tmp_path)}, "watch": {"intakes": str(tmp_path / "intakes")}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(options))
    (tmp_path / "intakes").mkdir()
    with (tmp_path / "intakes" / ".watch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(["--configfile", str(tmp_path / "config.yaml")]) == 2
    assert "Another watch" in capsys.readouterr().err


def test_what_snakemake_is_told(tmp_path: Path) -> None:
    options, behind = _arguments(["--interval", "3", "--", "--profile", "my profile", "-n"])
    words = command(Intake(tmp_path / "a b"), options.configfile, behind)
    assert words.count("--profile") == 1
    manifest = next(word for word in words if word.startswith("manifest="))
    assert yaml.safe_load(manifest.removeprefix("manifest=")) == f"{tmp_path}/a b/manifest.csv"
    assert "profiles/default" in " ".join(command(Intake(tmp_path), options.configfile, []))


def test_a_change_in_a_tree_wakes_and_a_tree_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "tree" / "ada").mkdir(parents=True)
    woke, said = threading.Event(), list[str]()
    with woken([tmp_path / "gone", tmp_path / "tree"], woke.set, said.append):
        (tmp_path / "tree" / "ada" / "a.tif").write_text("pixels")
        assert woke.wait(PATIENCE)
    assert len(said) == 1 and "gone" in said[0]


def test_the_unit_starts_what_there_is() -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)
    words = shlex.split(line)
    assert words[1:3] == ["-m", "ingest.watch"]
    assert _arguments(words[3:])[0].configfile == Path("config/config.yaml")
