"""The options of metadata tables."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ingest.config_types import FilePath, Section


class Metadata(Section):
    """Tables that describe images, plates or wells, and become annotations (docs/metadata.md)."""

    tables: tuple[FilePath, ...] = Field(
        default=(),
        description="Tables with a row for each image, well, plate, dataset or fileset: CSV, TSV "
        "(.gz too), spreadsheets; headers as IDR and omero-metadata write them.",
    )
    beside: str = Field(
        default="",
        description="Name of a table of two columns, like metadata.csv, that may lie in the folder "
        "of a fileset's path and describes all its images. Empty: none is looked for.",
        pattern=r"^[^/]*$",
    )
    key_values: bool = Field(default=True, description="Their columns become key-value pairs.")
    tags: tuple[str, ...] = Field(
        default=(), description="Columns (or keys) whose values become tags instead."
    )
    table: bool = Field(
        default=False,
        description="Each of `tables` also becomes an OMERO.table, on the Screen, Project or "
        "Dataset that all it describes is in, or on each plate.",
    )
    wells_to_images: bool = Field(
        default=True, description="What is said of a well is put on its images, too."
    )
    rembi: Literal["off", "report"] = Field(
        default="off",
        description="report: say which of the fields that REMBI recommends are missing.",
    )

    @property
    def is_used(self) -> bool:
        return bool(self.tables or self.beside or self.rembi != "off")
