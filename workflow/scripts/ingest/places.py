"""Where results are: the configured folder, and those of the intakes."""

from __future__ import annotations

from pathlib import Path

from ingest.config import Config
from ingest.intakes import Intake, intakes_of


def results_folders(config: Config) -> list[Path]:
    """The results folders that hold a plan: the configured one, then those of all intakes."""
    folders = [config.results, *(intake.results for intake in all_intakes(config))]
    return [folder for folder in folders if (folder / "plan" / "index.json").exists()]


def all_intakes(config: Config) -> list[Intake]:
    """The intakes of every way in, by name."""
    folder = config.watch.intakes
    ways = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [intake for way in ways for intake in intakes_of(way)]
