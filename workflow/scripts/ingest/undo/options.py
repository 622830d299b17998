"""The options of `relink` and `rollback`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from ingest.config_errors import bad_option
from ingest.config_types import FilePath, Fraction, Mode, Section


def _apply(value: object) -> object:
    """`--config` brings every value as text."""
    text = str(value).strip().lower()
    if value is None or text in ("no", "false", "off"):
        return False
    if text in ("yes", "true", "on"):
        return True
    if text.isdecimal() and int(text):
        return int(text)
    raise bad_option(
        "is neither no, yes nor a number", "Write no, yes, or the number that the list ends with."
    )


def _roots(value: Mapping[str, str]) -> Mapping[str, str]:
    cleaned: dict[str, str] = {}
    for old, new in value.items():
        for root in (old, new):
            if not root.startswith("/") or not root.strip("/"):
                raise bad_option(
                    f"has {root!r}, which is not a folder's full path",
                    "Write both as full paths, like {/old/store: /new/store}.",
                )
        old, new = os.path.normpath(old), os.path.normpath(new)
        if old == new:
            raise bad_option(f"leads {old} to itself", "Write where it lies now.")
        if cleaned.setdefault(old, new) != new:
            raise bad_option(f"leads {old} to two places", "Write each old root once.")
    for old, new in cleaned.items():
        for other in cleaned:
            if other != old and f"{other}/".startswith(f"{new}/"):
                raise bad_option(
                    f"leads {old} to {new}, where files are to be moved on from {other}",
                    "Give one command for each of the two moves, the later one first.",
                )
    return cleaned


Apply = Annotated[bool | int, BeforeValidator(_apply)]
Roots = Annotated[dict[str, str], AfterValidator(_roots)]

_APPLY = (
    "no: only list what would be done. yes: do it, if it is no more than `most`. A number: do "
    "it, if there are exactly that many; the list ends with the number."
)
_MOST = "The share of everything that `apply: yes` may change. For more, give the number."


class Relink(Section):
    """`snakemake relink`: points the links of what was imported to where storage was moved
    (docs/undo.md)."""

    roots: Roots = Field(
        default={},
        description="Old folders and where they are now. If two match, the longer one counts.",
        examples=["roots: {/old/store: /new/store}"],
    )
    apply: Apply = Field(default=False, description=_APPLY)
    most: Fraction = Field(default=0.1, description=_MOST)
    mode: Mode = Field(
        default="full",
        description="full: read every file at its new place and compare its digest with the one "
        "it was imported with. fast: compare only sizes.",
    )


class Rollback(Section):
    """`snakemake rollback`: removes from OMERO what this results folder's runs imported
    (docs/undo.md)."""

    apply: Apply = Field(default=False, description=_APPLY)
    most: Fraction = Field(default=0.1, description=_MOST)
    filesets: tuple[str, ...] = Field(
        default=(), description="Only these rows. Empty: all rows of the manifest."
    )
    used: bool = Field(
        default=False,
        description="Also remove filesets that people have worked on since: their ROIs, "
        "annotations and links to other containers are removed with the images.",
    )
    containers: bool = Field(
        default=False,
        description="Also remove Datasets, Projects and Screens that these runs made and that "
        "are empty afterwards.",
    )
    bring_back: FilePath | None = Field(
        default=None,
        description="Folder to which files that only OMERO still has (after ln_rm, cp_rm, "
        "upload_rm) are copied and verified before they are deleted there. null: such filesets "
        "stay.",
    )
