"""The options of metadata tables."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ingest.config_types import FilePath, Section


class Metadata(Section):
    """Tables that describe images, plates or wells and become annotations (docs/metadata.md)."""

    tables: tuple[FilePath, ...] = Field(
        default=(),
        description="Tables with a row for each image, well, plate, dataset or fileset: CSV, TSV "
        "(also .gz) or spreadsheets, with the headers that IDR and omero-metadata use.",
    )
    beside: str = Field(
        default="",
        description="Name of a two-column table, like metadata.csv, that may be in the folder of "
        "a fileset's path and describes all its images. Empty: none.",
        pattern=r"^[^/]*$",
    )
    key_values: bool = Field(default=True, description="Turn their columns into key-value pairs.")
    tags: tuple[str, ...] = Field(
        default=(), description="Columns (or keys) whose values become tags instead."
    )
    table: bool = Field(
        default=False,
        description="Also turn each of `tables` into an OMERO.table, on the Screen, Project or "
        "Dataset that contains everything it describes, or on each plate.",
    )
    wells_to_images: bool = Field(
        default=True, description="Put the metadata of a well on its images too."
    )
    rembi: Literal["off", "report"] = Field(
        default="off",
        description="report: list the fields recommended by REMBI that are missing.",
    )

    @property
    def is_used(self) -> bool:
        return bool(self.tables or self.beside or self.rembi != "off")
