"""The options of both tools, as a file and as the command line give them."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import yaml

from ingest.config import ConfigError, load
from ingest.undo.told import command


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("57", 57), (57, 57), (1, 1), ("1", 1), ("yes", True), (True, True), ("no", False),
        (None, False),
    ],
)  # fmt: skip
def test_a_number_is_a_number_and_yes_is_yes(given: object, meant: object) -> None:
    apply = load({"rollback": {"apply": given}}).rollback.apply
    assert apply == meant and type(apply) is type(meant)


@pytest.mark.parametrize("given", ["0", -1, "all", 1.5, [1]])
def test_anything_else_is_refused(given: object) -> None:
    with pytest.raises(ConfigError, match=r"relink\.apply"):
        load({"relink": {"apply": given}})


@pytest.mark.parametrize(
    ("roots", "cause"),
    [
        ({"old": "/new"}, "not a folder's full path"),
        ({"/": "/new"}, "not a folder's full path"),
        ({"/old": "new"}, "not a folder's full path"),
        ({"/old/": "/old"}, "to itself"),
        ({"/old": "/a", "/old/": "/b"}, "to two places"),
        ({"/a": "/b", "/b": "/c"}, "moved on"),
        ({"/a": "/b", "/b/inner": "/c"}, "moved on"),
    ],
)
def test_roots_that_cannot_be_meant(roots: dict[str, str], cause: str) -> None:
    with pytest.raises(ConfigError, match=cause):
        load({"relink": {"roots": roots}})


def test_the_command_that_is_printed_says_what_was_asked_for() -> None:
    options: dict[str, Any] = {"roots": {"/it's old": "/new: or, {newer}"}, "apply": 57}
    _, tool, _config, given = shlex.split(command("relink", options))
    assert tool == "relink"
    # As Snakemake reads it: every value a text.
    read = yaml.load(given.removeprefix("relink="), Loader=yaml.BaseLoader)
    assert load({"relink": read}).relink.apply == 57
    assert load({"relink": read}).relink.roots == options["roots"]
