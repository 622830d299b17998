"""How `python -m ingest.watch` goes about its work."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ingest.config_types import FilePath, Section


class Watch(Section):
    """What `make watch` does; docs/drop-folders.md."""

    intakes: FilePath = Field(
        default=Path("intakes"),
        description="Folder of the manifests that drop folders and orders become, and of their "
        "results.",
    )
    interval: PositiveFloat = Field(
        default=60, description="Seconds from one look at the ways in to the next."
    )
    wake: bool = Field(
        default=True,
        description="Look earlier when the file system tells that something changed (inotify).",
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
        description="When an intake that failed is run again; then after twice that time, and so "
        "on, up to a day.",
    )
    attempts: PositiveInt = Field(
        default=12, description="How often an intake is run before it is left to a person."
    )
