"""Puts one file at its place in the managed repository, and sees beforehand whether that can work.

An upload needs no place here: the server writes it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.copying import copy_verified, write_error
from ingest.fileset import SourceFile, StageError
from ingest.hardlinks import NoHardLink, hard_link, link_obstacle
from ingest.import_transfers import is_custom, load_custom, removes_sources, way
from ingest.source_files import check_as_recorded
from ingest.source_removal import check_removable

_CONTRACT = "It has to make its second path a file with the bytes of the first."
REMEDY_MOUNT = (
    "Import on a machine that mounts OMERO's managed repository; set omero.managed_repository if "
    "it is mounted at another path than the server's; or use import_transfer upload."
)


def check_placeable(transfer: str, files: Sequence[SourceFile], mount: Path) -> None:
    """Raises StageError when the transfer of these files can be seen to fail: before it begins.

    `mount` is the managed repository as this machine sees it.
    """
    how = way(transfer)
    if removes_sources(transfer):
        for file in files:
            _check_removable(file, mount)
    if how == "upload":
        return
    if not mount.is_dir():
        raise StageError(
            f"OMERO's managed repository is not at {mount} on this machine", REMEDY_MOUNT
        )
    if how == "ln":
        for file in files:
            obstacle = link_obstacle(file.path, mount)
            if obstacle:
                raise NoHardLink(file.path, obstacle)
    if how == "cp":
        size, free = sum(file.size for file in files), shutil.disk_usage(mount).free
        if size > free:
            raise StageError(
                f"{files[0].path} and its fileset need {size} bytes in OMERO's managed repository "
                f"({mount}), where {free} are free",
                "Free some space there, or use ln_s or ln; then run the same command again.",
            )


def place(transfer: str, file: SourceFile, location: Path) -> None:
    """Makes the link or copy; whatever is against it becomes a StageError."""
    how = way(transfer)
    try:
        if is_custom(how):
            _place_by_custom(how, file, location)
        else:
            _PLACES[how](file, location)
    except OSError as error:
        raise write_error(location, error) from error


def _symlink(file: SourceFile, location: Path) -> None:
    location.symlink_to(file.path)


def _hardlink(file: SourceFile, location: Path) -> None:
    hard_link(file.path, location)


_PLACES: dict[str, Callable[[SourceFile, Path], None]] = {
    "ln_s": _symlink,
    "ln": _hardlink,
    "cp": copy_verified,
}


def _place_by_custom(transfer: str, file: SourceFile, location: Path) -> None:
    try:
        load_custom(transfer)(Path(file.path), location)
    except StageError:
        raise
    except Exception as error:
        raise StageError(
            f"the import transfer {transfer} failed for {file.path}: "
            f"{type(error).__name__}: {error}",
            "It is your own: see to what it says, then run the same command again.",
        ) from error
    if not location.is_file():
        raise StageError(
            f"the import transfer {transfer} was called for {file.path} and made no file at "
            f"{location}",
            _CONTRACT,
        )
    if (size := location.stat().st_size) != file.size:
        check_as_recorded(file, "checksum")  # perhaps it was the source that changed
        raise StageError(
            f"the import transfer {transfer} made {size} bytes of {file.path}, which has "
            f"{file.size}",
            _CONTRACT,
        )


def _check_removable(file: SourceFile, mount: Path) -> None:
    path = Path(file.path)
    if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(mount)):
        raise StageError(
            f"{file.path} lies in OMERO's managed repository and may belong to a fileset there",
            "Use an import_transfer that keeps the sources.",
        )
    if file.path != file.source:
        raise StageError(
            f"{file.path} would be removed, which is not what the row names ({file.source})",
            "Use an import_transfer that keeps the sources.",
        )
    check_removable(path, "use an import_transfer that keeps the sources")
    check_as_recorded(file, "checksum")
