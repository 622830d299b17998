"""Opening files with Bio-Formats the way OMERO does, and its errors in our words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from imageformats.errors import UnreadableImage
from imageformats.jvm import HEAP_VARIABLE, in_java, java_class

# How much of the metadata is read: MINIMUM is what the official client groups files by,
# NO_OVERLAYS is everything but regions of interest, ALL has them and the vendor's own words too.
GROUPING = "MINIMUM"
METADATA = "NO_OVERLAYS"
EVERYTHING = "ALL"

_LONGEST_REASON = 300


def absolute(path: str | os.PathLike[str]) -> str:
    """An absolute path without `..`; links stay as they are, for OMERO's sake."""
    return os.path.abspath(path)  # noqa: PTH100 (Path.resolve follows links)


@contextmanager
def image_reader(level: str) -> Iterator[Any]:
    """A Java reader to call `open_file` with, one file after the other; closed at the end.

    It belongs to one thread at a time. Stacked as in OMERO: palettes are resolved to colours, RGB
    becomes one plane per channel, lower resolutions are not series of their own, zip archives are
    no images.
    """
    with in_java():
        image = java_class("loci.formats.ImageReader")(_reader_classes())
        image.setMetadataFiltered(True)
        image.setOriginalMetadataPopulated(level == EVERYTHING)
        image.setFlattenedResolutions(False)
        filler = java_class("loci.formats.ChannelFiller")(image)
        reader = java_class("loci.formats.ChannelSeparator")(filler)
        options = java_class("loci.formats.in.DynamicMetadataOptions")
        levels = java_class("loci.formats.in.MetadataLevel")
        reader.setMetadataOptions(options(levels.valueOf(level)))
    try:
        yield reader
    finally:
        with in_java():
            reader.close()


def open_file(reader: Any, path: str, metadata: Any = None) -> None:
    """Open the fileset that `path` (absolute) belongs to; `metadata` is filled when given.

    Raises UnreadableImage.
    """
    _check_file(path)
    with java_errors(path):
        reader.close()
        reader.setMetadataStore(metadata or java_class("loci.formats.meta.DummyMetadata")())
        reader.setId(path)


def reader_class(reader: Any) -> str:
    """The Java class that reads the open file: what belongs in `bioformats.reader`."""
    return str(reader.unwrap().getClass().getName())


def used_files(reader: Any, path: str) -> tuple[str, ...]:
    """Absolute paths of the open fileset's files, those that initialise it first.

    Raises UnreadableImage when one of them does not exist.
    """
    with java_errors(path):
        infos = [
            (bool(info.usedToInitialize), str(info.filename))
            for info in reader.getAdvancedUsedFiles(False)
        ]
    files = [name for first, name in infos if first] + [name for first, name in infos if not first]
    missing = [name for name in files if not Path(name).exists()]
    if missing:
        raise UnreadableImage(path, f"{len(missing)} of its files are missing, as {missing[0]}")
    return tuple(dict.fromkeys(files))


@contextmanager
def java_errors(path: str) -> Iterator[None]:
    """Hold this around calls into Java: what they throw becomes an UnreadableImage of `path`."""
    import jpype  # see jvm.py

    try:
        with in_java():
            yield
    except jpype.JException as error:
        raise _unreadable(path, error) from None


@cache
def _reader_classes() -> Any:
    classes = java_class("loci.formats.ImageReader").getDefaultReaderClasses()
    classes.removeClass(java_class("loci.formats.in.ZipReader").class_)
    return classes


def _check_file(path: str) -> None:
    """Say in plain words what Bio-Formats would only stumble over."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UnreadableImage(path, "its name is not valid UTF-8: rename it") from None
    if path.lower().endswith(".zip"):
        # OMERO reads none; Bio-Formats never returns from a broken one.
        raise UnreadableImage(path, "it is a zip archive: unpack it", True)
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise UnreadableImage(path, (error.strerror or str(error)).lower()) from None


def _unreadable(path: str, error: Any) -> UnreadableImage:
    kind = str(error.getClass().getName()).rpartition(".")[2]
    if kind == "UnknownFormatException":
        return UnreadableImage(path, "no Bio-Formats reader knows this format", True)
    if kind == "OutOfMemoryError":
        return UnreadableImage(
            path,
            "Java ran out of memory: the file is corrupt, or it takes more than "
            f"{HEAP_VARIABLE} allows (set it to 4g, say)",
        )
    if not Path(path).stat().st_size:
        return UnreadableImage(path, "it is empty")
    message = str(error.getMessage() or kind).strip().partition("\n")[0]
    message = re.sub(r"^(?:[a-z]\w*\.)+[A-Z]\w*(?:Exception|Error): ", "", message)
    if len(message) > _LONGEST_REASON:
        message = message[:_LONGEST_REASON] + "..."
    return UnreadableImage(path, f"Bio-Formats reports: {message}")
