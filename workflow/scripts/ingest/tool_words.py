"""What a tool leaves in the results folder: its words for the terminal, and the same as JSON."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingest.atomic import write_text
from ingest.words import printable

# The environment variable with the command line's configuration files, as words for a shell.
CONFIG_FILES = "INGEST_CONFIG_FILES"


def write_words(results: Path, tool: str, words: str, facts: Mapping[str, Any]) -> None:
    """Writes <results>/<tool>.json and then <tool>.txt, which the terminal shows."""
    write_text(results / f"{tool}.json", json.dumps(facts, indent=1) + "\n")
    lines = words.rstrip("\n").split("\n")
    write_text(results / f"{tool}.txt", "\n".join(map(printable, lines)) + "\n")


def command(*targets: str, config: Mapping[str, str]) -> str:
    """What a person types to run these targets with the configuration in use and these options."""
    files = os.environ.get(CONFIG_FILES)
    configured = f" --configfile {files}" if files else ""
    values = " ".join(f"{name}={shlex.quote(value)}" for name, value in config.items())
    return f"{' '.join(['snakemake', *targets])}{configured} --config {values}"
