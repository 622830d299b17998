"""checksum: digests of every file from one read, compared with those the manifest gives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingest import checksum_file
from ingest.config import Config
from ingest.context import Context
from ingest.copying import VERIFICATION
from ingest.digests import OMERO_ALGORITHMS, digest_file
from ingest.expected_checksum import parse_checksum
from ingest.fileset import BadText, Fileset, Record, SourceFile, StageError
from ingest.journal import last_done
from ingest.source_errors import SourceChanged, some_of, unreadable
from ingest.source_files import for_each_file, stat_source, still_there
from ingest.stages import Stage, more_than_threads

Expected = Mapping[str, list[tuple[str, str]]]  # a file's path -> (algorithm, digits) it must have


def run(fileset: Fileset, upstream: Record, context: Context) -> Record:
    fileset = _without_demands_if_converted(fileset)
    expected = _expected(fileset, upstream.files)
    earlier = _earlier(fileset, context)
    if earlier and _removed_since(earlier, upstream, context):
        # What was computed before a later stage removed them is all there can be.
        algorithm, files = earlier.facts["algorithm"], earlier.files
    else:
        algorithm = _algorithm(fileset, context)
        files = _digested(upstream.files, [algorithm, *_used(earlier)], expected, context)
    _compare(files, expected)
    return Record(
        fileset.id,
        "checksum",
        "ok",
        files=files,
        facts={
            **upstream.facts,
            "bytes": sum(file.size for file in files),
            "algorithm": algorithm,
        },
    )


def still_holds(fileset: Fileset, earlier: Record, context: Context) -> bool:
    fileset = _without_demands_if_converted(fileset)
    removed = context.journal.removed(fileset.id)
    if not all(still_there(file, removed) for file in earlier.files):
        return False
    # The server may be another one by now, or prefer another algorithm.
    asks = fileset.checksum_algorithm == "auto" and not removed
    if asks and earlier.facts["algorithm"] != _algorithm(fileset, context):
        return False
    try:
        # The checksum file may be another one by now.
        _compare(earlier.files, _expected(fileset, earlier.files))
    except StageError:
        return False
    return True


def digested_originals(
    fileset: Fileset, files: tuple[SourceFile, ...], context: Context
) -> tuple[SourceFile, ...]:
    """The files a converter is to read, with the digests that tell them from others.

    Raises StageError when they are not those that the manifest vouches for.
    """
    expected = _expected(fileset, files)
    digested = _digested(files, [VERIFICATION], expected, context)
    _compare(digested, expected)
    return digested


def _without_demands_if_converted(fileset: Fileset) -> Fileset:
    """The manifest vouches for the originals, which the converter's stage has compared."""
    return replace(fileset, checksum="", checksums="") if fileset.convert else fileset


def _algorithm(fileset: Fileset, context: Context) -> str:
    """The algorithm that the row names, or what its server and we agree on."""
    if fileset.checksum_algorithm != "auto":
        return fileset.checksum_algorithm
    # These need omero-py, which is slow to load.
    from ingest.omero.repository import negotiated_algorithm
    from ingest.omero.retrying import retried

    seconds = context.config.importing.retry_seconds
    return retried(fileset.id, seconds, lambda: negotiated_algorithm(context))


def _earlier(fileset: Fileset, context: Context) -> Record | None:
    done = last_done(context.journal.events(fileset.id), "checksum")
    return Record.from_json(done["record"]) if done else None


def _removed_since(earlier: Record, upstream: Record, context: Context) -> bool:
    """Whether a later stage removed files, on purpose, that are otherwise as they were."""
    removed = context.journal.removed(earlier.fileset)
    return (
        any(not Path(file.path).exists() for file in earlier.files)
        and [replace(file, digests={}) for file in earlier.files] == list(upstream.files)
        and all(still_there(file, removed) for file in earlier.files)
    )


def _used(earlier: Record | None) -> list[str]:
    """OMERO's algorithms in use so far: what is imported already is compared by them."""
    digests = earlier.files[0].digests if earlier else ()
    return [name for name in digests if name in OMERO_ALGORITHMS]


def _digested(
    files: tuple[SourceFile, ...], needed: list[str], expected: Expected, context: Context
) -> tuple[SourceFile, ...]:
    archive = context.config.checksum.archive
    always = dict.fromkeys([*needed, *([archive] if archive != "none" else [])])

    def digest(file: SourceFile) -> SourceFile:
        asked = expected.get(file.path)
        algorithms = {**always, **dict.fromkeys(name for name, _ in asked)} if asked else always
        try:
            found = digest_file(file.path, algorithms, context.progress.advance)
        except OSError as error:
            raise unreadable(file.path, error) from None
        if (found.size, found.mtime_ns, found.inode) != (file.size, file.mtime_ns, file.inode):
            raise SourceChanged(file.path, "it changed after its fileset was assembled")
        return file.digested(found.digests)

    return tuple(for_each_file(digest, files, context))


def _compare(files: tuple[SourceFile, ...], expected: Expected) -> None:
    """Raises StageError when a digest is not the expected one (or was not computed)."""
    wrong = [
        f"{file.path} has {algorithm} {file.digests.get(algorithm)}, expected {digits}"
        for file in files
        for algorithm, digits in expected.get(file.path, [])
        if file.digests.get(algorithm) != digits
    ]
    if wrong:
        raise StageError(
            f"checksum mismatch: {some_of(wrong, '; ')}",
            "The bytes do not match the manifest's checksum. Copy the file again from where the "
            "checksum was made, or correct the checksum if the file is right; then run the same "
            "command again.",
        )


def _expected(fileset: Fileset, files: tuple[SourceFile, ...]) -> Expected:
    """What the manifest demands of each file."""
    expected: dict[str, list[tuple[str, str]]] = {file.path: [] for file in files}
    if fileset.checksum:
        if len(files) != 1:
            raise StageError(
                f"the row has one checksum, but its fileset has {len(files)} files, beginning "
                f"with {files[0].path}",
                "Name a file with all their checksums in `checksums` instead (md5sum writes one).",
            )
        expected[files[0].path].append(_of_the_row(fileset.checksum))
    if fileset.checksums:
        for file, entries in _of_the_checksum_file(fileset, files).items():
            expected[file].extend(entries)
    return expected


def _of_the_row(checksum: str) -> tuple[str, str]:
    try:
        return parse_checksum(checksum)
    except BadText as error:
        raise StageError(error.problem.cause, error.problem.remedy) from None


def _of_the_checksum_file(fileset: Fileset, files: tuple[SourceFile, ...]) -> Expected:
    path = Path(fileset.checksums)
    try:
        if stat_source(fileset.checksums).st_size > checksum_file.LARGEST:
            raise ValueError("it is too large")
        entries = checksum_file.parse(path.read_bytes())
    except OSError as error:
        raise unreadable(fileset.checksums, error) from None
    except ValueError as error:
        raise StageError(
            f"{path} is not a checksum file: {error}", "Write it again, for example with md5sum."
        ) from None
    row = Path(fileset.path)
    common = os.path.commonpath([str(Path(file.source).parent) for file in files])
    # Names are relative to where the tool was run: where its file lies, or where the images do.
    bases = dict.fromkeys((str(path.parent), str(row if row.is_dir() else row.parent), common))
    listed: dict[str, dict[str, list[tuple[str, str]]]] = {base: {} for base in bases}
    for entry in entries:
        for base, places in listed.items():
            place = os.path.normpath(Path(base, entry.name))
            places.setdefault(place, []).append((entry.algorithm, entry.hexdigest))
    found = {file.path: _first(os.path.normpath(file.source), listed) for file in files}
    missing = [file for file, demands in found.items() if not demands]
    if missing:
        raise StageError(
            f"{path} does not list {some_of(missing)}",
            "Write the checksum file again over all files of the fileset, with names relative to "
            "its own folder or to the fileset's.",
        )
    return found


def _first(
    path: str, listed: Mapping[str, Mapping[str, list[tuple[str, str]]]]
) -> list[tuple[str, str]]:
    """The demands on `path` by the first base under which it is listed."""
    return next((places[path] for places in listed.values() if path in places), [])


def _settings(config: Config) -> Mapping[str, Any]:
    return {"archive": config.checksum.archive}


STAGE = Stage(
    "checksum",
    run,
    still_holds,
    uses=("checksum", "checksums", "checksum_algorithm"),
    settings=_settings,
    parallel=more_than_threads,
)
