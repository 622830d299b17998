"""Whether a file was handed on before, whatever it is called now.

A file is known by its inode, size and time of modification. Those can be told apart from another
file's without reading. Where something differs that a rename, a change of permissions, another
mount or a copy to another disk changes too, the content decides: by a fingerprint and, where that
does not prove enough, by the digest that the run of its intake recorded.
"""

from __future__ import annotations

from pathlib import Path

from blake3 import blake3

from ingest.drop.listing import Stamp, stamp_of
from ingest.drop.recorded import is_recorded
from ingest.drop.state import Handed, State
from ingest.intakes import Intake
from ingest.source_errors import SourceChanged

# Files up to this many bytes are read whole, longer ones in 16 places.
WHOLE = 1 << 20
_PIECES = 16
_PIECE = WHOLE // _PIECES


def fingerprint(path: str, size: int) -> str:
    """A digest of the file's content in hex: of all of it up to WHOLE bytes, else of samples.

    Raises OSError.
    """
    digest = blake3(size.to_bytes(8, "little"))
    with Path(path).open("rb") as file:
        if size <= WHOLE:
            digest.update(file.read(WHOLE + 1))
        else:
            for piece in range(_PIECES):
                file.seek((size - _PIECE) * piece // (_PIECES - 1))
                digest.update(file.read(_PIECE))
    return digest.hexdigest(16)


def recognise(path: str, stamp: Stamp, state: State) -> Handed | None:
    """The file that was handed on and now lies at `path`; None when this content is new.

    Recognised are: the same file under another name or with other permissions, a further hard
    link, a file that was put back or moved to another disk with its time of modification, and one
    up to WHOLE bytes that was written anew with the same content. A copy beside the original is
    new. The state is brought up to date, so that the next scan need not read.
    """
    here = state.handed_at(path)
    for handed in here:
        if handed.stamp == stamp:
            return handed
    alike = state.handed_like(stamp.size, stamp.mtime_ns)
    for handed in alike:
        if handed.stamp == stamp:
            return handed  # a further name of it, or its new one
    possible = [handed for handed in here if handed.stamp.size == stamp.size] + alike
    possible += state.handed_as(stamp.inode, stamp.size)  # renamed and touched
    if not possible:
        return None
    try:
        found = fingerprint(path, stamp.size)
    except OSError:
        # It may not be read any more: then only permissions may have changed.
        return next((old for old in possible if old.stamp.content == stamp.content), None)
    if stamp_of(path) != stamp:
        return None  # it is changing: the next scan sees
    for handed in possible:
        if handed.print == found and _is_same(handed, path, stamp):
            _move(handed, path, stamp, state)
            return handed
    return None


def recognise_touched(path: str, stamp: Stamp, state: State, intakes: Path) -> Handed | None:
    """The file above WHOLE bytes that was handed on, here or elsewhere, and only has another time
    since.

    Reads the file from start to end where samples do not tell, so it is asked of quiet files only.
    """
    for handed in state.handed_at(path) + state.handed_as(stamp.inode, stamp.size):
        intake = Intake(intakes / handed.intake)
        if handed.stamp.size == stamp.size > WHOLE and _has_bytes(path, stamp, handed, intake):
            _move(handed, path, stamp, state)
            return handed
    return None


def has_bytes(path: str, size: int, found: str, intake: Intake, fileset: str) -> bool:
    """Whether the bytes at `path` are those that were handed on with the fingerprint `found`.

    Samples of a long file do not prove that; what the intake's run recorded does. Raises OSError,
    and SourceChanged when it is written to.
    """
    return fingerprint(path, size) == found and (
        size <= WHOLE or is_recorded(path, intake, fileset)
    )


def _has_bytes(path: str, stamp: Stamp, handed: Handed, intake: Intake) -> bool:
    try:
        same = has_bytes(path, stamp.size, handed.print, intake, handed.fileset)
    except (OSError, SourceChanged):
        return False
    return same and stamp_of(path) == stamp


def _is_same(handed: Handed, path: str, stamp: Stamp) -> bool:
    """Of two files of one fingerprint."""
    same_time = handed.stamp.mtime_ns == stamp.mtime_ns
    if handed.path == path or handed.stamp.inode == stamp.inode:
        # Samples do not prove that a long file that was written to is the same.
        return same_time or stamp.size <= WHOLE
    return same_time and not _still_at(handed)


def _still_at(handed: Handed) -> bool:
    there = stamp_of(handed.path)
    return there is not None and there.content == handed.stamp.content


def _move(handed: Handed, path: str, stamp: Stamp, state: State) -> None:
    # Of two hard links, the name it was handed on by stays.
    same_file = handed.stamp.inode == stamp.inode
    state.move(handed, handed.path if same_file and _still_at(handed) else path, stamp)
