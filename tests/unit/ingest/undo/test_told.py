"""The command that a tool suggests is for the configuration that it was given."""

from __future__ import annotations

import shlex

import pytest

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
