"""The options of trees, and the page that lists them and OMERO.dropbox's settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ingest.config import ConfigError, load
from ingest.drop.options import Tree

PAGE = (Path(__file__).parents[4] / "docs" / "drop-folders.md").read_text()

# What fsDropBox.py, fsServerMS.py and fsServerFS.py of omero-dropbox 5.7 read.
SETTINGS = [
    "importUsers", "watchDir", "defaultDropBoxDir", "eventTypes", "pathMode", "whitelist",
    "blacklist", "timeout", "blockSize", "ignoreSysFiles", "ignoreDirEvents", "dirImportWait",
    "throttleImport", "timeToLive", "timeToIdle", "fileBatch", "readers", "importArgs", "host",
    "port", "maxRetries", "retryInterval", "platformCheck", "serverIdString", "clientIdString",
    "clientAdapterName", "monitorServerIdString", "monitorServerAdapterName",
    "fileServerIdString", "fileServerAdapterName",
]  # fmt: skip


def first_cells(heading: str) -> list[str]:
    table = PAGE.partition(heading)[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \| ", table, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_every_setting_of_omero_dropbox_has_its_counterpart_on_the_page() -> None:
    assert sorted(first_cells("## Coming from OMERO.dropbox")) == sorted(SETTINGS)


def test_the_page_lists_every_option() -> None:
    assert sorted(first_cells("## Options of a tree")) == sorted(Tree.model_fields)


@pytest.mark.parametrize(
    ("drop", "names"),
    [
        ({"root": "/data/Drop Box"}, ["Drop-Box"]),
        ([{"root": "/a/x"}, {"root": "/b/x"}], ["x", "x-2"]),
        ({"one": {"root": "/a"}, "two": {"root": "/b"}}, ["one", "two"]),
        (None, []),
    ],
)
def test_one_tree_a_list_and_a_block_of_trees_are_understood(drop: Any, names: list[str]) -> None:
    trees = load({"drop": drop}).drop
    assert list(trees) == names
    assert all(tree.settle == 60 for tree in trees.values())


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"group_by": "foldr"}, "has no group in parentheses"),
        ({"group_by": "(a"}, "not a regular expression"),
        ({"settle": -1}, "settle"),
        ({"ready_marker": "{set}.done"}, "placeholder"),
        ({"ready_marker": "../READY"}, "is a path"),
        ({"cells": {"target": "Dataset:name:D"}}, "column target"),
        ({"cells": {"tag": "x"}}, "not a column"),
        ({"target": "Datset:name:D"}, "target"),
        ({"users": {"ada": {"root": "/b"}}}, "no such option"),
        ({"batch": 0}, "batch"),
    ],
)
def test_wrong_options_are_refused_by_name(tree: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        load({"drop": {"a": {"root": "/a", **tree}}})
