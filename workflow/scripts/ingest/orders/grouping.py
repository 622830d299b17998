"""Which files of an order belong together: one row per fileset."""

from __future__ import annotations

from collections.abc import Iterator
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
    return list(_grouped(order.paths))


def _grouped(paths: tuple[str, ...]) -> Iterator[str]:
    import imageformats  # starts a JVM when used

    claimed: set[str] = set()
    members: tuple[str, ...]
    for path in paths:
        if path in claimed:
            continue
        if _is_folder(Path(path)):
            found = imageformats.scan(path)
            filesets = [each for each in found.filesets if claimed.isdisjoint(each.files)]
            broken = [error.path for error in found.unreadable if not error.unknown_format]
            claimed.update(file for each in filesets for file in each.files)
            yield from [*(each.files[0] for each in filesets), *broken] or [path]
            continue
        try:
            members = imageformats.resolve(path)[0].files
        except (imageformats.UnreadableImage, OSError):
            members = ()
        if path not in members:  # a copy whose metadata names other files: its row will tell
            members = (path,)
        if claimed.isdisjoint(members):
            claimed.update(members)
            yield path


def _is_folder(path: Path) -> bool:
    """Whether it is looked into: an OME-Zarr is one image."""
    return path.is_dir() and path.suffix.lower() != ".zarr"
