"""The options of the audit."""

from __future__ import annotations

from pydantic import Field

from ingest.config_types import Fraction, Mode, Section


class Audit(Section):
    """`snakemake audit`: compares OMERO, the journal and the disks (docs/audit.md)."""

    mode: Mode = Field(
        default="full",
        description="full: read files again and compare their digests. fast: compare only sizes "
        "and times.",
    )
    fraction: Fraction = Field(
        default=1.0,
        gt=0,
        description="Share of all bytes that a full audit reads, starting with those not read "
        "for longest: 0.1 every night covers everything in ten nights.",
    )
    group: str | None = Field(
        default=None,
        min_length=1,
        description="Audit all filesets of this OMERO group, whoever imported them. null: only "
        "those of this results folder.",
    )
    permissions: bool = Field(
        default=True,
        description="Report files and folders that accounts other than their owner may change.",
    )
    strays: bool = Field(
        default=True,
        description="Report what is in OMERO's managed repository without OMERO knowing about "
        "it: everywhere for an administrator, otherwise in the folders of the filesets.",
    )
