"""Which files of an order belong together: one row per fileset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingest.orders.order import Order


def fileset_paths(order: Order) -> list[str]:
    """The path that stands for each fileset of an order, in the order's order.

    Bio-Formats says which of several files are one fileset, and what is in a folder. What it cannot
    read stays a path of its own, so that its row tells why. A converter gets the paths as they are.
    """
    only = Path(order.paths[0]) if len(order.paths) == 1 else None
    if order.convert or (only and not _is_folder(only)):
        return list(order.paths)
    return _grouped(order.paths)


def _grouped(paths: Sequence[str]) -> list[str]:
    """As the official client groups: what is part of another fileset goes with that one."""
    groups: list[tuple[str, frozenset[str]]] = []
    for path in paths:
        if any(path in members for _, members in groups):
            continue
        for opened, members in _filesets(path):
            if not any(members <= others for _, others in groups):
                groups = [each for each in groups if not each[1] <= members]
                groups.append((opened, members))
    return [opened for opened, _ in groups]


def _filesets(path: str) -> list[tuple[str, frozenset[str]]]:
    """The filesets at `path`: the file to open, and all of its files."""
    import imageformats  # starts a JVM when used

    if _is_folder(Path(path)):
        found = imageformats.scan(path)
        broken = [error.path for error in found.unreadable if not error.unknown_format]
        filesets = [(each.files[0], frozenset(each.files)) for each in found.filesets]
        # What is broken must not be left behind unnoticed; neither must a folder without images.
        return filesets + [(each, frozenset([each])) for each in broken] or [
            (path, frozenset([path]))
        ]
    try:
        files = frozenset(imageformats.resolve(path)[0].files)
    except (imageformats.UnreadableImage, OSError):
        files = frozenset()
    # A copy whose metadata names other files stays by itself, and its row tells so.
    return [(path, files if path in files else frozenset([path]))]


def _is_folder(path: Path) -> bool:
    """Whether it is looked into: an OME-Zarr is one image."""
    return path.is_dir() and path.suffix.lower() != ".zarr"
