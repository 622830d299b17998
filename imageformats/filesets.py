"""Which files belong together, as OMERO's official client groups its import candidates.

Source: ome.formats.importer.ImportCandidates of omero-blitz.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imageformats.errors import UnreadableImage
from imageformats.jvm import in_java, java_class
from imageformats.plates import is_plate
from imageformats.readers import (
    GROUPING,
    absolute,
    image_reader,
    java_errors,
    open_file,
    reader_class,
    used_files,
)
from imageformats.truncation import check_complete

_SCAN_DEPTH = 4


@dataclass(frozen=True, slots=True)
class FilesetFiles:
    """The files of one fileset: absolute paths, not resolved, the one to open first.

    `reader` is the Java class that reads it, `format` the name Bio-Formats gives the format.
    `is_plate` says whether OMERO will make a plate of it.
    """

    files: tuple[str, ...]
    reader: str
    format: str
    is_plate: bool = False


# Tells the fileset of a file; raises UnreadableImage, and OSError for a file that is not there.
Grouping = Callable[[str], FilesetFiles]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a folder holds. Files in no fileset are in `unreadable`, each with its reason."""

    filesets: tuple[FilesetFiles, ...]
    unreadable: tuple[UnreadableImage, ...]


def fileset_of(path: str) -> FilesetFiles:
    """The fileset that the file `path` belongs to. Raises UnreadableImage.

    Each file has a reader of its own, made in a millisecond: not all readers open a second one
    (FilePatternReader refuses it).
    """
    path = absolute(path)
    with image_reader(GROUPING) as reader:
        open_file(reader, path)
        with java_errors(path):
            fileset = FilesetFiles(
                files=used_files(reader, path),
                reader=reader_class(reader),
                format=str(reader.getFormat()),
                is_plate=is_plate(reader, path),
            )
    check_complete(fileset.files, fileset.reader)
    return fileset


def resolve(path: str | os.PathLike[str], grouping: Grouping = fileset_of) -> list[FilesetFiles]:
    """The fileset a file belongs to, or every fileset in a folder (see `scan`).

    `grouping` may be what `grouping_apart` gave. Raises UnreadableImage when there is none, and
    when a file in the folder is an image that cannot be read: it must not be left behind unnoticed.
    """
    name = absolute(path)
    if not Path(name).is_dir():
        return [grouping(name)]
    found = scan(name, grouping)
    for error in found.unreadable:
        if not error.unknown_format:
            raise error
    if not found.filesets:
        raise UnreadableImage(name, "no image among the files of this folder", True)
    return list(found.filesets)


def scan(folder: str | os.PathLike[str], grouping: Grouping = fileset_of) -> Scan:
    """Group the files of a folder and four levels of files below it, in the order of their names.

    Files whose names start with a dot are left out, and so are pipes, sockets and devices, which
    might never answer. A file that an earlier fileset uses is not opened again; a fileset that is
    part of a later one is dropped in its favour. `grouping` may be what `grouping_apart` gave.
    """
    filesets: list[FilesetFiles] = []
    failed: list[UnreadableImage] = []
    claimed: set[str] = set()
    for path in _candidates(absolute(folder), 1):
        if path in claimed:
            continue
        try:
            fileset = grouping(path)
        except UnreadableImage as error:
            failed.append(error)
            continue
        members = set(fileset.files)
        filesets = [other for other in filesets if not members.issuperset(other.files)]
        filesets.append(fileset)
        claimed |= members
    return Scan(
        filesets=tuple(filesets),
        unreadable=tuple(error for error in failed if error.path not in claimed),
    )


def required_directories(files: Sequence[str], reader: str) -> int:
    """How many folders above the files the format needs: OMERO.server keeps these of a path.

    `reader` is a Java class name as in FilesetFiles. Raises ValueError when there is no such
    reader, UnreadableImage when it cannot tell.
    """
    with in_java():
        try:
            found = java_class(reader)
        except TypeError:
            found = None
        if found is None or not issubclass(found, java_class("loci.formats.IFormatReader")):
            raise ValueError(f"no Bio-Formats reader is called {reader!r}")
    with java_errors(files[0]):
        return int(found().getRequiredDirectories(list(files)))


def _candidates(folder: str, depth: int) -> Iterator[str]:
    """Files in the order of their names, a folder's content in the place of its name."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        mode = _mode(entry)
        if stat.S_ISDIR(mode):
            if depth < _SCAN_DEPTH and not _leads_up(entry):
                yield from _candidates(entry.path, depth + 1)
        elif (not mode or stat.S_ISREG(mode)) and not entry.name.startswith("."):
            yield entry.path


def _leads_up(entry: os.DirEntry[str]) -> bool:
    """Whether it is a link to the folder that it lies in, or to one above that."""
    if not entry.is_symlink():
        return False
    own = os.path.realpath(Path(entry.path).parent)
    return f"{own}/".startswith(os.path.realpath(entry.path).rstrip("/") + "/")


def _mode(entry: os.DirEntry[str]) -> int:
    """Of what a link leads to; 0 when that cannot be told, which its opening will."""
    try:
        return entry.stat().st_mode
    except OSError:
        return 0
