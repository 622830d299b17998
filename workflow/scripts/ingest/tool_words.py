"""What a tool leaves in the results folder: its words for the terminal, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingest.atomic import write_text
from ingest.words import printable

# Names the environment variable with the --configfile of the command line, as words for a shell:
# a command that a tool suggests is for the same configuration.
CONFIG_FILES = "INGEST_CONFIG_FILES"


def write_words(results: Path, tool: str, words: str, facts: Mapping[str, Any]) -> None:
    """Writes <results>/<tool>.json and then <tool>.txt, which the terminal shows."""
    write_text(results / f"{tool}.json", json.dumps(facts, indent=1) + "\n")
    lines = words.rstrip("\n").split("\n")
    write_text(results / f"{tool}.txt", "\n".join(map(printable, lines)) + "\n")
