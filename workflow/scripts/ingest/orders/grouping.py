"""Which files of an order belong together: one row per fileset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imageformats
from imageformats import Grouping
from ingest.fileset import BadText
from ingest.orders.order import Order


def fileset_paths(order: Order, read_limit: float) -> list[str]:
    """The path that stands for each fileset of an order, in the order's order.

    Bio-Formats says which of several files are one fileset, and what is in a folder. What it cannot
    read stays a path of its own, so that its row tells why. A converter gets the paths as they are.
    Raises BadText for a file that takes it more than `read_limit` seconds.
    """
    only = Path(order.paths[0]) if len(order.paths) == 1 else None
    if order.convert or (only and not _is_folder(only)):
        return list(order.paths)
    with imageformats.grouping_apart(read_limit) as fileset_of:
        try:
            return _grouped(order.paths, fileset_of)
        except imageformats.TookTooLong as error:
            raise BadText(
                f"{error.path} keeps Bio-Formats busy: {error.reason}",
                "Take it out of the order, or have watch.read_limit raised if it needs so long.",
            ) from None


def _grouped(paths: Sequence[str], fileset_of: Grouping) -> list[str]:
    """As the official client groups: what is part of another fileset goes with that one."""
    groups: list[tuple[str, frozenset[str]]] = []
    for path in paths:
        if any(path in members for _, members in groups):
            continue
        for opened, members in _filesets(path, fileset_of):
            if not any(members <= others for _, others in groups):
                groups = [each for each in groups if not each[1] <= members]
                groups.append((opened, members))
    return [opened for opened, _ in groups]


def _filesets(path: str, fileset_of: Grouping) -> list[tuple[str, frozenset[str]]]:
    """The filesets at `path`: the file to open, and all of its files."""
    if _is_folder(Path(path)):
        found = imageformats.scan(path, fileset_of)
        for error in found.unreadable:
            if isinstance(error, imageformats.TookTooLong):
                raise error
        broken = [error.path for error in found.unreadable if not error.unknown_format]
        filesets = [(each.files[0], frozenset(each.files)) for each in found.filesets]
        # What is broken must not be left behind unnoticed; neither must a folder without images.
        return filesets + [(each, frozenset([each])) for each in broken] or [
            (path, frozenset([path]))
        ]
    try:
        files = frozenset(fileset_of(path).files)
    except imageformats.TookTooLong:
        raise
    except (imageformats.UnreadableImage, OSError):
        files = frozenset()
    # A copy whose metadata names other files stays by itself, and its row tells so.
    return [(path, files if path in files else frozenset([path]))]


def _is_folder(path: Path) -> bool:
    """Whether it is looked into: an OME-Zarr is one image."""
    return path.is_dir() and path.suffix.lower() != ".zarr"
