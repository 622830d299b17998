"""The options of the audit."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ingest.config_types import Section


class Audit(Section):
    """`snakemake audit`: compares OMERO, the journal and the disks (docs/audit.md)."""

    mode: Literal["fast", "full"] = Field(
        default="full",
        description="full: reads files again and compares their digests. fast: looks at sizes and "
        "times only.",
    )
    fraction: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="How much of all bytes a full audit reads, those first that were not read for "
        "longest: 0.1 every night covers everything in ten nights.",
    )
    group: str | None = Field(
        default=None,
        min_length=1,
        description="Audit all filesets of this OMERO group, whoever imported them. null: those of "
        "this results folder.",
    )
    permissions: bool = Field(
        default=True,
        description="Tell of files and folders that more accounts than their owner may change.",
    )
    strays: bool = Field(
        default=True,
        description="Tell of what lies in OMERO's managed repository without OMERO knowing it: in "
        "all of it for an administrator, else in the folders of the filesets.",
    )
