"""What a converter left behind: which files are its outputs, and whether they can be used."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.conversion import biomero, runtimes
from ingest.conversion.biomero import Announced
from ingest.conversion.options import Request
from ingest.conversion.template import stem
from ingest.file_names import Folders, matches
from ingest.fileset import StageError
from ingest.source_errors import some_of

if TYPE_CHECKING:
    from imageformats import Grouping

# What a converter writes beside its images, when nobody says which of its files are images.
BESIDE = (".json", ".txt", ".log", ".csv", ".tsv", ".xml", ".md", ".yml", ".yaml", ".html", ".pdf")


@dataclass(frozen=True, slots=True)
class Output:
    """One output as it was found: a file or folder of the scratch folder."""

    path: Path
    name: str = ""
    key_values: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Part:
    """Outputs that Bio-Formats takes for one fileset: it is imported by itself.

    `files` are paths in the scratch folder, the one to open first in front.
    """

    files: tuple[Path, ...]
    reader: str
    format: str
    is_plate: bool | None
    name: str
    key_values: tuple[tuple[str, str], ...]

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        return {
            "files": list(names),
            "reader": self.reader,
            "format": self.format,
            "is_plate": self.is_plate,
            "name": self.name,
            "key_values": [list(pair) for pair in self.key_values],
        }


def announced_outputs(
    items: Iterable[Announced], folders: Sequence[tuple[str, Path]], converter: str
) -> list[Output]:
    """The outputs a converter told of. `folders` are its output folders as it saw them and as they
    are here, the one whose files are kept first.

    Raises StageError for a path that is in none of them, or that is not there.
    """
    outputs: dict[Path, Output] = {}
    for item in items:
        path = _place(item, folders, converter)
        earlier = outputs.get(path)
        key_values = {**dict(earlier.key_values if earlier else ()), **dict(item.key_values)}
        outputs[path] = Output(path, item.name, tuple(key_values.items()))
    return list(outputs.values())


def found_outputs(request: Request, folder: Path) -> list[Output]:
    """The outputs of a converter that told of none: what the globs of its `output` match.

    Without globs everything is an output but what is never an image. Raises StageError when there
    is nothing.
    """
    globs = [glob.strip() for glob in request.converter.output.split(";") if glob.strip()]
    names = dict.fromkeys(name for glob in globs or ["**"] for name in _matches(folder, glob))
    if not globs:
        names = {name: None for name in names if not name.lower().endswith(BESIDE)}
    if not names:
        wanted = f" that matches {request.converter.output!r}" if globs else ""
        raise StageError(
            f"the converter {request.name} exited successfully but wrote no file{wanted}; it left "
            + (some_of(_matches(folder, "**")) or "nothing"),
            "Its output is in the job's log. Correct its command or `output`, or import the row "
            "without it.",
        )
    outputs = [Output(folder / name) for name in names]
    return _with_key_values(request, folder, outputs)


def check_kinds(folder: Path, converter: str) -> None:
    """Raises StageError for a pipe, socket or device, which whoever looks through the folder, like
    Bio-Formats, may wait for without end; for what may not be looked through, and for a link in the
    folder's place."""
    if folder.is_symlink():
        raise _refused(converter, f"put a link in the place of its output folder {folder}")

    def refuse(error: OSError) -> None:
        raise _unreadable(converter, error.filename, error)

    for above, _, names in os.walk(folder, onerror=refuse):
        for name in names:
            path = Path(above, name)
            if path.exists() and not path.is_file() and not path.is_dir():
                raise _refused(converter, f"wrote {path}, which is not a regular file")


def parts(
    outputs: Sequence[Output], folders: Sequence[Path], converter: str, grouping: Grouping
) -> list[Part]:
    """The outputs as Bio-Formats groups them, every file of them checked.

    Raises StageError for a file that is empty, no regular file, out of `folders`, or unreadable.
    """
    import imageformats

    for output in outputs:
        if not output.path.is_dir():
            check_file(output.path, folders, converter)
    grouped: list[tuple[imageformats.FilesetFiles, list[Output]]] = []
    for output in outputs:
        known = next(
            (members for found, members in grouped if str(output.path) in found.files), None
        )
        if known is not None:
            known.append(output)
            continue
        try:
            filesets = imageformats.resolve(output.path, grouping)
        except imageformats.UnreadableImage as error:
            raise _refused(
                converter, f"wrote {error.path}, which Bio-Formats cannot read: {error.reason}"
            ) from None
        except OSError as error:
            raise _unreadable(converter, output.path, error) from None
        for found in filesets:
            # An output named earlier may be a file of this fileset.
            taken = [each for each in grouped if set(each[0].files) <= set(found.files)]
            members = [member for _, several in taken for member in several]
            grouped = [each for each in grouped if each not in taken]
            grouped.append((found, [*members, output]))
    if len({bool(found.is_plate) for found, _ in grouped}) > 1:
        raise _refused(converter, "made plates and other images, which have no target in common")
    made = []
    for found, members in grouped:
        for name in found.files:
            check_file(Path(name), folders, converter)
        _check_whole(found.files, converter, grouping)
        pairs = {key: value for member in members for key, value in member.key_values}
        name = next((member.name for member in members if member.name), "")
        files = tuple(map(Path, found.files))
        made.append(
            Part(files, found.reader, found.format, found.is_plate, name, tuple(pairs.items()))
        )
    return made


def check_file(path: Path, folders: Sequence[Path], converter: str) -> None:
    """Raises StageError unless `path` is a file with content that lies in `folders`."""
    real = Path(os.path.realpath(path))
    if not any(real.is_relative_to(os.path.realpath(folder)) for folder in folders):
        raise _refused(converter, f"wrote {path}, which leads out of its output folder to {real}")
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(converter, path, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise _refused(converter, f"wrote {path}, which is not a regular file")
    if not os.access(path, os.R_OK):
        raise _refused(converter, f"wrote {path}, which may not be read")
    if not found.st_size:
        raise _refused(converter, f"wrote {path}, which is empty")


def _check_whole(files: Iterable[str], converter: str, grouping: Grouping) -> None:
    import imageformats

    for name in files:
        if imageformats.ends_early(name):
            try:
                imageformats.resolve(name, grouping)
            except imageformats.UnreadableImage as error:
                raise _refused(converter, f"wrote {name}: {error.reason}") from None


def _place(item: Announced, folders: Sequence[tuple[str, Path]], converter: str) -> Path:
    """Where an announced output lies here."""
    told = [path for path in (item.path, item.alternative) if path]
    missing = ""
    for path in told:
        for folder, here in folders:
            inner = biomero.inside(path, folder)
            if inner is not None:
                if os.path.lexists(here / inner):
                    return here / inner
                missing = missing or path
    if missing:
        raise _refused(converter, f"reports {missing}, which it did not write")
    if told[0].startswith(f"{runtimes.INPUT}/"):
        raise StageError(
            f"the converter {converter} reports {told[0]}, which is not in its output folder but "
            "beside its input: it left that as it is",
            "Import the row without it. Or set alt_output: true, if it copies there what it need "
            "not convert.",
        )
    raise _refused(converter, f"reports {told[0]}, which is not in its output folder")


def _with_key_values(request: Request, folder: Path, outputs: list[Output]) -> list[Output]:
    """Key-values from JSON files: those of a file called like an output go to it, others to all.

    Of outputs of one name it is the one in the same folder.
    """
    import json

    if not request.converter.key_values:
        return outputs
    shared: dict[str, str] = {}
    own: dict[Path, dict[str, str]] = {output.path: {} for output in outputs}
    for name in _matches(folder, request.converter.key_values):
        check_file(folder / name, [folder], request.name)
        try:
            found = dict(biomero.pairs(json.loads((folder / name).read_bytes())))
        except (ValueError, RecursionError) as error:
            raise _refused(
                request.name, f"wrote {name}, which holds no key-values: {error}"
            ) from None
        called = [path for path in own if stem(path.name) == stem(name)]
        beside = [path for path in called if path.parent == (folder / name).parent]
        for path in beside or called:
            own[path].update(found)
        if not called:
            shared.update(found)
    return [
        Output(output.path, output.name, tuple({**shared, **own[output.path]}.items()))
        for output in outputs
    ]


def _matches(folder: Path, glob: str) -> list[str]:
    return matches(str(folder), glob, Folders())


def _unreadable(converter: str, path: Path | str, error: OSError) -> StageError:
    return _refused(converter, f"wrote {path}, which cannot be read: {error.strerror or error}")


def _refused(converter: str, what: str) -> StageError:
    return StageError(
        f"the converter {converter} {what}",
        "Nothing of it is kept. Its output is in the job's log: correct its configuration or its "
        "parameters, or import the row without it.",
    )
