"""The architecture's table of modules names every module of the library, and none that is gone."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).parents[3]
LIBRARY = ROOT / "workflow" / "scripts" / "ingest"
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TABLE = TEXT.partition("| module of `ingest/` |")[2].partition("\n\n")[0]

NAMED = [
    name
    for row in TABLE.splitlines()
    for name in re.findall(r"`([\w*]+/?)`", row.removeprefix("| ").partition(" | ")[0])
]
MODULES = [path.stem for path in LIBRARY.glob("*.py") if path.stem != "__init__"]
PACKAGES = [f"{path.parent.name}/" for path in LIBRARY.glob("*/__init__.py")]


def test_every_module_has_a_place_in_the_table() -> None:
    lost = [
        name
        for name in [*MODULES, *PACKAGES]
        if not any(fnmatchcase(name, named) for named in NAMED)
    ]
    assert lost == []


def test_the_table_names_no_module_that_is_not_there() -> None:
    there = [*MODULES, *PACKAGES]
    gone = [named for named in NAMED if not any(fnmatchcase(name, named) for name in there)]
    assert gone == []
