"""Images from a registry: brought once to `<results>/images`, as files that apptainer runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ingest.fileset import StageError


def fetched(name: str, folder: Path, earlier: dict[str, Any]) -> tuple[str, str, str]:
    raise StageError(f"{name} cannot be fetched", "Give a file.")
