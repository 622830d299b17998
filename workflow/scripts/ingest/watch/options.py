"""How `python -m ingest.watch` goes about its work."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ingest.config_types import FilePath, Section


class Watch(Section):
    """What `make watch` does (docs/drop-folders.md)."""

    intakes: FilePath = Field(
        default=Path("intakes"),
        description='Folder for the manifests that drop folders and orders become ("intakes"), '
        "and for their results.",
    )
    interval: PositiveFloat = Field(
        default=60, description="Seconds between two looks for new files and orders."
    )
    wake: bool = Field(
        default=True,
        description="Look earlier if the file system reports a change (inotify).",
    )
    read_limit: PositiveFloat = Field(
        default=600,
        description="Seconds that Bio-Formats may take to open a file of a drop folder or an "
        "order, and to say which others belong to it; then the file is refused.",
    )
    throttle: NonNegativeFloat = Field(
        default=10, description="Seconds between the end of a run and the start of the next."
    )
    retry_minutes: PositiveFloat = Field(
        default=5,
        description="Minutes until an intake that failed is run again; then twice as long, and "
        "so on, up to a day.",
    )
    attempts: PositiveInt = Field(
        default=12, description="How often an intake is tried before it is left to a person."
    )
