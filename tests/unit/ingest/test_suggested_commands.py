"""The commands that tools suggest are for the configuration that they were given."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ingest.intakes import Intake
from ingest.tool_words import CONFIG_FILES
from ingest.undo.told import command


def test_the_command_names_the_configuration_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG_FILES, shlex.join(["mine.yaml", "my other.yaml"]))
    assert shlex.split(command("rollback", {"apply": 7})) == [
        "snakemake", "rollback", "--configfile", "mine.yaml", "my other.yaml", "--config",
        "rollback={apply: 7}",
    ]  # fmt: skip


@pytest.mark.parametrize("files", [None, ""])
def test_without_a_configuration_of_ones_own_there_is_none_to_name(
    monkeypatch: pytest.MonkeyPatch, files: str | None
) -> None:
    monkeypatch.delenv(CONFIG_FILES, raising=False)
    if files is not None:
        monkeypatch.setenv(CONFIG_FILES, files)
    assert command("relink", {"roots": {"/a": "/b"}}) == (
        "  snakemake relink --config relink='{roots: {/a: /b}}'"
    )


def test_the_command_of_an_intake_names_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG_FILES, "mine.yaml")
    assert shlex.split(Intake(Path("my intakes/drop/1")).command) == [
        "snakemake", "--configfile", "mine.yaml", "--config",
        "manifest=my intakes/drop/1/manifest.csv", "results=my intakes/drop/1/results",
    ]  # fmt: skip
