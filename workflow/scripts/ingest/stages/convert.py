"""convert: decides which files of a row go on, and which reader opens them: its own, or those that
its converter makes of them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.allowed_roots import check_allowed
from ingest.context import Context
from ingest.fileset import Fileset, Record, SourceFile, StageError
from ingest.listed_files import listed_files
from ingest.named_files import named_by_another
from ingest.plates import is_plate
from ingest.source_errors import some_of, unreadable
from ingest.source_files import source_file, stat_source, still_there
from ingest.stages import Stage

if TYPE_CHECKING:
    from imageformats import FilesetFiles


def run(fileset: Fileset, _upstream: Record, context: Context) -> Record:
    if fileset.convert:
        return _converted(fileset, context)
    if fileset.files:
        paths, reader, image_format = listed_files(fileset), "", ""
        files = _source_files(paths)
        if not files[0].size:
            raise StageError(
                f"{paths[0]} is empty, and the file that OMERO opens",
                "Put an intact copy in its place, or name another file first in the row's `files`.",
            )
        _check_whole(paths, context)
        plate = is_plate(paths[0], context)
    else:
        found = _grouped(fileset.path, context)
        paths, reader, image_format = list(found.files), found.reader, found.format
        plate = found.is_plate
        _check_own(fileset, paths, context)
        check_allowed(paths, context.config.allowed_roots)
        files = _source_files(paths)
    return Record(
        fileset.id,
        "convert",
        "notneeded",
        files=files,
        facts={"reader": reader, "format": image_format, "is_plate": plate},
    )


def still_holds(fileset: Fileset, earlier: Record, context: Context) -> bool:
    if fileset.convert:
        return _still_converted(fileset, earlier, context)
    removed = context.journal.removed(fileset.id)
    if not all(still_there(file, removed) for file in earlier.files):
        return False
    if any(file.path in removed for file in earlier.files):
        return True
    if fileset.files:
        return [file.path for file in earlier.files] == listed_files(fileset)
    # A file that Bio-Formats would add to the fileset makes its folder younger than the record.
    folders = {str(Path(file.path).parent) for file in earlier.files}
    if Path(fileset.path).is_dir():
        folders.add(fileset.path)
    looked = datetime.fromisoformat(earlier.started)
    return all(datetime.fromtimestamp(Path(f).stat().st_mtime, UTC) < looked for f in folders)


def _converted(fileset: Fileset, context: Context) -> Record:
    from ingest.conversion.conversion import convert
    from ingest.stages.checksum import digested_originals

    paths = _original_paths(fileset)
    check_allowed(paths, context.config.allowed_roots)
    sources = _source_files(paths)
    return convert(fileset, digested_originals(fileset, sources, context), context)


def _original_paths(fileset: Fileset) -> list[str]:
    from ingest.conversion.originals import original_paths

    return listed_files(fileset) if fileset.files else original_paths(fileset)


def _still_converted(fileset: Fileset, earlier: Record, context: Context) -> bool:
    from ingest.conversion.conversion import still_the_same

    facts = earlier.facts["conversion"]
    sources = [SourceFile(**source) for source in facts["sources"]]
    removed = context.journal.removed(fileset.id)
    return (
        all(still_there(file, frozenset()) for file in sources)
        and all(still_there(file, removed) for file in earlier.files)
        and [file.path for file in sources] == _original_paths(fileset)
        and still_the_same(fileset, facts, context)
    )


def _grouped(path: str, context: Context) -> FilesetFiles:
    """What Bio-Formats takes for the fileset at `path`."""
    import imageformats

    if not Path(path).is_dir():
        stat_source(path)
    try:
        filesets = imageformats.resolve(path, context.grouping)
    except imageformats.TookTooLong as error:
        raise StageError(
            f"cannot read {error.path}: {error.reason}",
            "Check that the file is sound. If it needs so long, raise the option "
            "convert.read_limit; or list the fileset's files in the row's `files`.",
        ) from None
    except imageformats.UnreadableImage as error:
        raise StageError(
            f"cannot read {error.path}: {error.reason}",
            "Check that the file is complete and of a format that Bio-Formats reads; put a sound "
            "copy in its place, or remove the row from the manifest.",
        ) from None
    except OSError as error:
        raise unreadable(error.filename or path, error) from None
    if len(filesets) > 1:
        raise StageError(
            f"{path} holds {len(filesets)} filesets, beginning with "
            + some_of([found.files[0] for found in filesets]),
            "Give each of them a row of its own with this file as `path`, or list the files that "
            "make up one fileset in `files`.",
        )
    return filesets[0]


def _check_whole(paths: list[str], context: Context) -> None:
    """Raises StageError for a TIFF that ends too early, which OMERO would import with black planes.

    Some vendors' TIFFs do not go by the tags that tell; their reader decides.
    """
    import imageformats

    for path in paths:
        try:
            is_suspect = imageformats.ends_early(path)
        except OSError as error:
            raise unreadable(path, error) from None
        if is_suspect:
            _grouped(path, context)


def _check_own(fileset: Fileset, paths: list[str], context: Context) -> None:
    """Raises StageError when Bio-Formats reads others instead of the row's file, or added a file
    that another row names."""
    own = os.path.normpath(fileset.path)
    if not Path(own).is_dir() and own not in paths:
        # A copy or a link of an OME-TIFF beside it: the metadata tells the first one's name.
        raise StageError(
            f"Bio-Formats reads {some_of(paths)} when {own} is opened: that is what its metadata "
            "names",
            f"If that is meant, give it as `path`. To import the file itself, write its name, "
            f"{Path(own).name}, in the row's `files`.",
        )
    if len(paths) < 2:
        return  # the row's own, and the plan saw to it that no other row has it
    path, other = named_by_another(context.results, fileset, paths)
    if other:
        raise StageError(
            f"{fileset.path} belongs together with {path}, which the row of fileset {other} names",
            "The files of a fileset are imported together, by one row: remove one of the two rows.",
        )


def _source_files(paths: list[str]) -> tuple[SourceFile, ...]:
    folder = os.path.commonpath([str(Path(path).parent) for path in paths])
    return tuple(source_file(path, Path(path).relative_to(folder).as_posix()) for path in paths)


def _parallel(context: Context) -> int:
    converters = context.config.converters.values()
    return max(1, context.threads // max((each.cpus for each in converters), default=1))


STAGE = Stage(
    "convert",
    run,
    still_holds,
    uses=("path", "files", "convert"),
    parallel=_parallel,
)
