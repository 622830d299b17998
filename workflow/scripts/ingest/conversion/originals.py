"""The files a converter reads: which they are, and how they are shown to it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ingest.conversion import runtimes
from ingest.copying import VERIFICATION
from ingest.fileset import Fileset, SourceFile, StageError
from ingest.source_errors import unreadable

Mount = tuple[str, str, bool]


def original_paths(fileset: Fileset) -> list[str]:
    """The row's originals when it lists no `files`: its path, or all that lies in that folder.

    What Bio-Formats would say is not asked: raw files are converted because it cannot read them.
    """
    if not Path(fileset.path).is_dir():
        return [fileset.path]

    def refuse(error: OSError) -> None:
        raise unreadable(error.filename, error)

    found = []
    for above, folders, files in os.walk(fileset.path, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [str(Path(above, name)) for name in sorted(files) if not name.startswith(".")]
    if not found:
        raise StageError(
            f"the folder {fileset.path} holds no file to convert",
            "Put the files there, or correct the row's path, and run the same command again.",
        )
    return found


def opened_first(fileset: Fileset, originals: Sequence[SourceFile]) -> str:
    """What a converter is given as its input: the first file that the row lists, or its path."""
    return originals[0].path if fileset.files else fileset.path


def mounts(originals: Sequence[SourceFile], opened: str, scratch: Path) -> tuple[list[Mount], str]:
    """How a container gets its inputs, read-only, and the folder of the host that /data shows.

    It sees the folder of the files whole, for there may be files beside them that it needs. A file
    that is a link to somewhere else would lead nowhere inside: it is put in its place by itself.
    """
    folder = opened if Path(opened).is_dir() else _common_folder(originals, opened)
    real = os.path.realpath(folder)
    if all(_is_seen(Path(file.path).relative_to(folder), Path(real)) for file in originals):
        return [(real, runtimes.INPUT, False)], folder
    stand_in = scratch / "inputs"
    made: list[Mount] = [(str(stand_in), runtimes.INPUT, False)]
    for file in originals:
        inner = Path(file.path).relative_to(folder)
        (stand_in / inner).parent.mkdir(parents=True, exist_ok=True)
        (stand_in / inner).touch()
        made.append((os.path.realpath(file.path), f"{runtimes.INPUT}/{inner}", False))
    return made, folder


def _is_seen(inner: Path, folder: Path) -> bool:
    """Whether a file is found in a folder that is shown without what is around it: no link on the
    way is absolute or leads out."""
    at, ahead = folder, list(reversed(inner.parts))
    while ahead:
        part = ahead.pop()
        at = at.parent if part == ".." else at / part
        if not at.is_relative_to(folder):
            return False
        if at.is_symlink():
            target = at.readlink()
            if target.is_absolute():
                return False
            ahead += reversed(target.parts)
            at = at.parent
    return True


def _common_folder(originals: Sequence[SourceFile], opened: str) -> str:
    paths = [opened, *(file.path for file in originals)]
    return os.path.commonpath([str(Path(path).parent) for path in paths])


def inside(path: str, folder: str) -> str:
    """A host path below `folder` as a container sees it."""
    inner = os.path.relpath(path, folder)
    return runtimes.INPUT if inner == "." else f"{runtimes.INPUT}/{inner}"


def to_json(originals: Sequence[SourceFile]) -> list[dict[str, object]]:
    return [
        {"path": file.path, "name": file.name, "size": file.size, "digests": dict(file.digests)}
        for file in originals
    ]


def digests(originals: Sequence[SourceFile]) -> list[tuple[str, str]]:
    """Name and digest of each: what a conversion is made of."""
    return [(file.name, file.digests[VERIFICATION]) for file in originals]
