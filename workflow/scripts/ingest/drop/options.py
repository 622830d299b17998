"""The trees that are scanned, as the configuration describes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, NonNegativeFloat, PositiveInt

from ingest.config_errors import bad_option
from ingest.config_types import FilePath, Section, TargetText
from ingest.manifest_columns import COLUMNS, FAMILIES

EACH_USER = "*"  # the folders below the root bear users' names

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,29}")
_OURS = ("fileset", "path", "files", "target", "user", "group")
_WORDS = ("bioformats", "file", "folder")
_DEPTH = re.compile(r"folder:([1-9])")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise bad_option(
            "is not a valid name for a tree", "Use at most 30 letters, digits, '.', '_' and '-'."
        )
    return value


def _group_by(value: str) -> str:
    if value in _WORDS or _DEPTH.fullmatch(value):
        return value
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise bad_option(
            f"is not a regular expression ({error})",
            f"Write {', '.join(_WORDS)}, folder:2 or a pattern like (.+)_t[0-9]+[.]tif.",
        ) from None
    if not groups:
        raise bad_option(
            "has no group in parentheses",
            "Put what the files of one fileset have in common into one, like (.+)_t[0-9]+[.]tif; "
            f"or write {', '.join(_WORDS)} or folder:2.",
        )
    return value


def _marker(value: str) -> str:
    if "/" in value or value in (".", ".."):
        raise bad_option("is a path", "Write the name of a file, like READY or {name}.done.")
    try:
        value.format(name="name", stem="stem")
    except (KeyError, IndexError, ValueError):
        raise bad_option(
            "has a placeholder that is not known", "There are {name} and {stem}."
        ) from None
    return value


def _cells(value: Mapping[str, str]) -> Mapping[str, str]:
    for column in value:
        if column in _OURS:
            raise bad_option(
                f"has the column {column}, which the scan fills in",
                "Remove it; target, user and group are options of their own.",
            )
        if column not in COLUMNS and not any(
            column.startswith(family) and column != family for family in FAMILIES
        ):
            raise bad_option(
                f"has {column!r}, which is not a column of a manifest",
                "docs/manifest.md lists them.",
            )
    return value


def _trees(value: Any) -> Any:
    """One tree, a list of them, or a block of named ones, as the block of named ones."""
    if value is None:
        return {}
    if isinstance(value, Mapping) and not isinstance(value.get("root", {}), Mapping):
        return {_named_after(value, ()): value}
    if isinstance(value, list | tuple):
        trees: dict[str, Any] = {}
        for tree in value:
            trees[_named_after(tree, trees)] = tree
        return trees
    return value


def _named_after(tree: Any, taken: Any) -> str:
    root = tree.get("root", "") if isinstance(tree, Mapping) else ""
    base = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(str(root)).name).strip(".-")[:20] or "drop"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


Marker = Annotated[str, AfterValidator(_marker)]
GroupBy = Annotated[str, AfterValidator(_group_by)]
Cells = Annotated[dict[str, str], AfterValidator(_cells)]


_OF_USER = "The tree's option of this name, for this user. null: the tree's value."


class UserOptions(Section):
    """What differs for one user of a tree. null: the tree's value."""

    skip: bool = Field(default=False, description="Ignore this user's folder.")
    group: str | None = Field(default=None, description=_OF_USER)
    target: TargetText | None = Field(default=None, description=_OF_USER)
    settle: NonNegativeFloat | None = Field(default=None, description=_OF_USER)
    whitelist: tuple[str, ...] | None = Field(default=None, description=_OF_USER)
    ignore: tuple[str, ...] | None = Field(default=None, description=_OF_USER)
    readers: tuple[str, ...] | None = Field(default=None, description=_OF_USER)
    group_by: GroupBy | None = Field(default=None, description=_OF_USER)
    ready_marker: Marker | None = Field(default=None, description=_OF_USER)
    subfolders: bool | None = Field(default=None, description=_OF_USER)
    cells: Cells | None = Field(default=None, description=_OF_USER)


class Tree(Section):
    """A folder tree that is scanned."""

    root: FilePath = Field(description="The folder.")
    user: str = Field(
        default=EACH_USER,
        description="OMERO user who will own the images. '*': the folders directly below root "
        "are named after users. Empty: the account that logs in.",
    )
    group: str = Field(default="", description="OMERO group. Empty: the user's default group.")
    target: TargetText = Field(default="", description="Where images go, as in a manifest.")
    settle: NonNegativeFloat = Field(
        default=60, description="Seconds without a change after which a file counts as settled."
    )
    whitelist: tuple[str, ...] = Field(
        default=(),
        description="Globs of names; only matching files are opened or start a fileset. Empty: "
        "all.",
    )
    ignore: tuple[str, ...] = Field(
        default=(), description="Globs of names, or of paths below root, that are skipped."
    )
    readers: tuple[str, ...] = Field(
        default=(),
        description="Bio-Formats readers whose formats are accepted, like "
        "OMETiffReader. Empty: all.",
    )
    group_by: GroupBy = Field(
        default="bioformats",
        description="Which files are one fileset: bioformats, file, folder (or folder:2, one level "
        "deeper), or a regular expression with a group.",
    )
    ready_marker: Marker = Field(
        default="",
        description="A file that says that everything has arrived: READY, {name}.done, "
        "{stem}.done. Empty: only time counts.",
    )
    subfolders: bool = Field(default=True, description="Whether to look into subfolders.")
    batch: PositiveInt = Field(default=100, description="Largest number of filesets per manifest.")
    cells: Cells = Field(
        default={}, description="Other columns of the manifest, with their value for every row."
    )
    users: dict[str, UserOptions] = Field(
        default={}, description="Per user: the options that differ in the user's own folder."
    )

    def of_user(self, user: str) -> Tree:
        """The tree's options for one user's folder."""
        own = self.users.get(user)
        if own is None:
            return self
        differing = {
            name: value
            for name in type(own).model_fields
            if name != "skip" and (value := getattr(own, name)) is not None
        }
        return self.model_copy(update=differing)

    @property
    def folder_depth(self) -> int:
        """How many folders below the user's own a fileset's folder lies; 0: not by folders."""
        found = _DEPTH.fullmatch(self.group_by)
        return int(found[1]) if found else int(self.group_by == "folder")


TreeName = Annotated[str, AfterValidator(_name)]
Trees = Annotated[dict[TreeName, Tree], BeforeValidator(_trees)]
