"""docs/omero-import-options.md names every option of `omero import`, and none that is not ours."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
from omero.cli import CLI, Parser

from ingest.config import Config, Defaults
from ingest.manifest_columns import COLUMNS

PAGE = (Path(__file__).parents[3] / "docs" / "omero-import-options.md").read_text()

# Those of the Java client that omero-py hands on without knowing them (CommandLineImporter.java).
ONLY_JAVA = [
    "--minutes-wait",
    "--close-completed",
    "--wait-completed",
    "--auto-close",
    "--keep-alive",
    "--agent",
    "--minutes_wait",
    "--close_completed",
    "--wait_completed",
    "--auto_close",
    "--plate-name",
    "--plate-description",
    "--no_thumbnails",
    "--checksum_algorithm",
]


def options_of_omero_py() -> list[str]:
    parser = Parser()
    import_module("omero.plugins.import").ImportControl(ctx=CLI())._configure(parser)
    options = [option for action in parser._actions for option in action.option_strings]
    return [option for option in options if not option.startswith("---")]


# The underscores of the annotations' options are named once, as "(and with `_`)".
@pytest.mark.parametrize(
    "option",
    [o for o in (*options_of_omero_py(), *ONLY_JAVA) if not o.startswith("--annotation_")],
)
def test_every_option_is_in_the_table(option: str) -> None:
    assert re.search(rf"`(-\w, )?{option}[`=\s(]", PAGE), option


def test_what_the_table_names_of_ours_exists() -> None:
    sections = {field.alias or name: field for name, field in Config.model_fields.items()}
    named = re.findall(r"`(import|checksum|omero|defaults)\.(\w+)", PAGE)
    assert ("import", "wait") in named
    for section, option in named:
        kind = sections[section].annotation
        assert kind is not None
        assert option in kind.model_fields, (section, option)
    for cell in re.findall(r"columns? (?:and \w+ )?((?:`[\w.<>]+`(?:, | and )?)+)", PAGE):
        for column in re.findall(r"`([\w.<>]+)`", cell):
            assert column in COLUMNS or column == "comment.<namespace>", column
    for column in re.findall(r"column and default `(\w+)`", PAGE):
        assert column in Defaults.model_fields
