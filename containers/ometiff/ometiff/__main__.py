"""The command: BIOMERO's contract for converters.

Words go to stderr; the last line of stdout is a JSON list with an object for every file written.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import imageformats
from imageformats import ImageFileset, UnreadableImage
from ometiff import VERSION
from ometiff.metadata import Metadata
from ometiff.writing import COMPRESSIONS, Source, write

_ENDING = re.compile(r"(\.ome)?\.[^.]+$", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[^\w.()+-]+")
_LONGEST_NAME = 80
_SECONDS_BETWEEN_LINES = 5.0


class Refused(Exception):
    """What was asked for cannot be done; says why."""


def main(words: list[str]) -> int:
    options = _arguments(words)
    # As the first process of a container this one would not hear of it otherwise.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        written = _convert(options)
    except (Refused, UnreadableImage, OSError, ValueError) as error:
        print(f"ometiff: {error}", file=sys.stderr)
        return 1
    sys.stderr.flush()
    print(json.dumps(written, ensure_ascii=False))
    return 0


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("ometiff", description=sys.modules["ometiff"].__doc__)
    parser.add_argument(
        "--inputfile", type=Path, required=True, help="the fileset: any file of it, or its folder"
    )
    parser.add_argument("--outputfolder", type=Path, required=True, help="where the OME-TIFFs go")
    parser.add_argument("--altoutputfolder", type=Path, help="where a copy of each goes as well")
    parser.add_argument(
        "--saveoption",
        choices=["single", "multiple"],
        default="single",
        help="all images in a single file, or each in a file of its own (default: single)",
    )
    parser.add_argument(
        "--compression",
        choices=list(COMPRESSIONS),
        default="zlib",
        help="how tiles are compressed, without loss (default: zlib)",
    )
    parser.add_argument("--show_progress", action="store_true", help="tell of every plane")
    parser.add_argument("--version", action="version", version=f"ometiff {VERSION}")
    return parser.parse_args(words)


def _convert(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Write the files; what BIOMERO wants to know of each."""
    path = _first_file(options.inputfile)
    options.outputfolder.mkdir(parents=True, exist_ok=True)
    progress = _Progress(0.0 if options.show_progress else _SECONDS_BETWEEN_LINES)
    with imageformats.open_planes(path, everything=True) as reader:
        source = Source(reader, reader.describe(), Metadata(reader.ome_xml()))
        written = []
        for name, series in _files(options, source):
            output = options.outputfolder / f"{name}.ome.tiff"
            write(source, series, output, options.compression, progress.say)
            written.append(
                {
                    "name": name,
                    "full_path": str(output.absolute()),
                    "alt_path": _copy(output, options.altoutputfolder),
                    "keyvalues": [_origin(path, source.fileset, series)],
                }
            )
        return written


def _first_file(path: Path) -> str:
    filesets = imageformats.resolve(path)
    if len(filesets) > 1:
        raise Refused(f"{path} holds {len(filesets)} filesets: give a file of one of them")
    return filesets[0].files[0] if path.is_dir() else str(path)


def _files(options: argparse.Namespace, source: Source) -> list[tuple[str, list[int]]]:
    """Names of the files to be written, without endings, and the series that go into each."""
    stem = options.inputfile.absolute().name
    if not options.inputfile.is_dir():
        stem = _ENDING.sub("", stem) or stem
    everything = list(range(len(source.fileset.images)))
    if options.saveoption == "single" or len(everything) == 1:
        return [(stem, everything)]
    if source.metadata.has_plates():
        raise Refused(
            f"{options.inputfile} is a plate, whose wells need their images beside them: "
            "leave saveoption=multiple out"
        )
    digits = len(str(len(everything)))
    files = []
    for series in everything:
        image = _NOT_IN_NAMES.sub("_", source.metadata.image_name(series)).strip("_.")
        ending = f"_{image[:_LONGEST_NAME]}" if image else ""
        files.append((f"{stem}_{series + 1:0{digits}}{ending}", [series]))
    return files


def _copy(output: Path, folder: Path | None) -> str | None:
    """The path of the copy in `folder`, which appears there complete or not at all."""
    if folder is None or folder.absolute() == output.parent.absolute():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    copied = folder / output.name
    partial = folder / f".{output.name}.partial"
    try:
        shutil.copyfile(output, partial)
        partial.replace(copied)
    finally:
        partial.unlink(missing_ok=True)
    return str(copied.absolute())


def _origin(path: str, fileset: ImageFileset, series: list[int]) -> dict[str, str]:
    return {
        "Converted from": Path(path).name,
        "Original format": fileset.format,
        "Original images": ", ".join(
            fileset.images[number].name or "(no name)" for number in series
        )
        if len(series) <= 10
        else str(len(series)),
        "Converter": f"ometiff {VERSION}, Bio-Formats {imageformats.version()}",
    }


class _Progress:
    """Lines on stderr, no oftener than every so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def say(self, line: str) -> None:
        now = time.monotonic()
        if now - self._last >= self._seconds:
            self._last = now
            print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
