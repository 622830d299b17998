"""TIFFs that end too early: a copy was cut short, or the file is still being written.

Bio-Formats reads what is missing as zeros and OMERO imports it, so nobody would notice.
Source of fact: the TIFF 6.0 and BigTIFF specifications.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imageformats.errors import UnreadableImage

# Other readers of TIFF-like files know better than the file's own tags where its pixels lie.
_READERS = ("loci.formats.in.OMETiffReader", "loci.formats.in.TiffDelegateReader")

_OFFSETS = (273, 324)  # of strips, of tiles
_COUNTS = (279, 325)
_SUB_DIRECTORIES = 330
_TOLD = (*_OFFSETS, *_COUNTS, _SUB_DIRECTORIES)
# By the number of a tag's type.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
_INTEGERS = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


class _BeyondEnd(Exception):
    """Something is said to lie where the file has no bytes."""


def check_complete(files: Iterable[str], reader: str) -> None:
    """Raises UnreadableImage for a TIFF whose directories or pixels lie beyond its end."""
    if reader not in _READERS:
        return
    for path in files:
        if ends_early(path):
            raise UnreadableImage(
                path, "it is truncated: some of what it refers to lies beyond its end"
            )


def ends_early(path: str) -> bool:
    """Whether a TIFF's own tags say so; of any other file, and an empty one, it is not known.

    Needs no JVM. Only the reader knows whether the format goes by these tags: see `resolve`.
    """
    with Path(path).open("rb") as file:
        tiff = _tiff(file)
        return tiff is not None and not _is_complete(tiff)


@dataclass(frozen=True)
class _Tiff:
    """An open TIFF: `order` is struct's byte order; offsets take 8 bytes in a BigTIFF."""

    file: BinaryIO
    size: int
    order: str
    big: bool

    def read(self, offset: int, length: int) -> bytes:
        if offset + length > self.size:
            raise _BeyondEnd
        self.file.seek(offset)
        return self.file.read(length)

    def numbers(self, layout: str, content: bytes) -> tuple[int, ...]:
        return struct.unpack(self.order + layout, content)


def _tiff(file: BinaryIO) -> _Tiff | None:
    size = file.seek(0, 2)
    file.seek(0)
    order = {b"II": "<", b"MM": ">"}.get(file.read(2))
    version = file.read(2)
    if order is None or len(version) < 2:
        return None
    (number,) = struct.unpack(order + "H", version)
    return _Tiff(file, size, order, number == 43) if number in (42, 43) else None


def _is_complete(tiff: _Tiff) -> bool:
    try:
        first = tiff.read(8, 8) if tiff.big else tiff.read(4, 4)
        ahead = list(tiff.numbers("Q" if tiff.big else "I", first))
        seen: set[int] = set()
        while ahead:
            offset = ahead.pop()
            if offset and offset not in seen:
                seen.add(offset)
                ahead += _directory(tiff, offset)
    except _BeyondEnd:
        return False
    return True


def _directory(tiff: _Tiff, offset: int) -> list[int]:
    """Check one directory and the pixels it describes; returns the directories it refers to."""
    count_layout, entry_size, pointer = ("Q", 20, "Q") if tiff.big else ("H", 12, "I")
    head = struct.calcsize("=" + count_layout)
    (count,) = tiff.numbers(count_layout, tiff.read(offset, head))
    entries = tiff.read(offset + head, count * entry_size)
    found = dict(_whereabouts(tiff, entries, entry_size))
    for offsets_tag, counts_tag in zip(_OFFSETS, _COUNTS, strict=True):
        pieces = zip(found.get(offsets_tag, ()), found.get(counts_tag, ()), strict=False)
        if any(start + length > tiff.size for start, length in pieces):
            raise _BeyondEnd
    after = offset + head + count * entry_size
    following = tiff.numbers(pointer, tiff.read(after, struct.calcsize("=" + pointer)))
    return [*following, *found.get(_SUB_DIRECTORIES, ())]


def _whereabouts(
    tiff: _Tiff, entries: bytes, entry_size: int
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The tags that tell where something lies, with their values; checks where all tags' lie."""
    layout, pointer, inline = ("HHQ", "Q", 8) if tiff.big else ("HHI", "I", 4)
    for at in range(0, len(entries), entry_size):
        value_at = at + entry_size - inline
        tag, kind, count = tiff.numbers(layout, entries[at:value_at])
        content = entries[value_at : value_at + inline]
        length = count * _SIZES.get(kind, 0)
        if length > inline:
            (offset,) = tiff.numbers(pointer, content)
            if offset + length > tiff.size:
                raise _BeyondEnd
            if tag in _TOLD:
                content = tiff.read(offset, length)
        if tag in _TOLD and kind in _INTEGERS:
            yield tag, tiff.numbers(f"{count}{_INTEGERS[kind]}", content[:length])
