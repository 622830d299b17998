"""transfer: puts a fileset's files into the permanent store, as `<store>/<fileset>/<name>`.

Nothing in the store is ever overwritten, a source is only ever read, and `mv` removes sources only
when the whole fileset is in the store and verified. A file that is in the store already, put there
by a run that was killed, is accepted when its bytes are the right ones.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingest import protection
from ingest.atomic import fsync_folder
from ingest.config import Config
from ingest.context import Context
from ingest.copying import content_digests, copy_several, make_folder, write_error
from ingest.digests import digest_file
from ingest.fileset import Fileset, Record, SourceFile, StageError, Status
from ingest.hardlinks import NoHardLink, hard_link, link_obstacle, nearest
from ingest.journal import last_done
from ingest.prepared import check_prepared
from ingest.source_files import (
    check_as_recorded,
    for_each_file,
    for_handfuls,
    found_at,
    still_there,
)
from ingest.source_removal import check_removable, gone_on_purpose, remove_source
from ingest.stages import Stage, more_than_threads
from ingest.superseded import is_superseded, nothing_in_omero, set_aside


class NameTaken(StageError):
    """The store has something else under the name a file is to get."""

    def __init__(self, destination: Path, transfer: str, file: SourceFile) -> None:
        super().__init__(
            f"{destination} exists already, and is not what the transfer {transfer} makes of "
            f"{file.path}",
            "Nothing in the store is overwritten. Find out what it is; move it away, or give the "
            "row another fileset id, and run the same command again.",
        )


def run(fileset: Fileset, upstream: Record, context: Context) -> Record:
    check_prepared(fileset, upstream, context)
    gone = gone_on_purpose(upstream.files, context.journal.removed(fileset.id))
    for file in upstream.files:
        if file.path not in gone:
            check_as_recorded(file, "checksum")
    _check_stays(fileset, upstream.files, context)
    protects = protection.wanted(fileset, context.config)
    if protects and fileset.transfer != "cp":
        protection.check_protectable(upstream.files, gone)
    status: Status = "notneeded"
    files = upstream.files
    if fileset.transfer != "none":
        status = "ok"
        files = _landed(fileset, files, gone, context)
    if protects:
        protection.protect(fileset, upstream.files, files, context)
    return Record(fileset.id, "transfer", status, files=files, facts=upstream.facts)


def still_holds(fileset: Fileset, earlier: Record, context: Context) -> bool:
    removed = context.journal.removed(fileset.id)
    return all(still_there(file, removed) for file in earlier.files)


def _check_stays(fileset: Fileset, files: tuple[SourceFile, ...], context: Context) -> None:
    """Raises StageError when OMERO may hold links to another place than the files would get now."""
    events = context.journal.events(fileset.id)
    done = last_done(events, "transfer")
    if not done or nothing_in_omero(events):
        return
    earlier = {file["name"]: file["path"] for file in done["record"]["files"]}
    for file in files:
        now = file.path
        if fileset.transfer != "none":
            now = str(_store(context.config) / fileset.id / file.name)
        if earlier.get(file.name, now) != now:
            raise StageError(
                f"the row was imported already, from {earlier[file.name]}, which is to be {now} "
                "now: nothing was moved or copied",
                "Change the row's transfer (or transfer.store) back, or give the row another "
                "fileset id to import it a second time. If the storage was moved, lead OMERO's "
                "links there first: snakemake relink (docs/undo.md).",
            )


def _landed(
    fileset: Fileset, files: tuple[SourceFile, ...], gone: Collection[str], context: Context
) -> tuple[SourceFile, ...]:
    """Brings all files to the store and returns them as they are there.

    `gone` are the sources that an earlier run moved before it was killed. Whatever can be refused
    is refused before anything is created.
    """
    store = _store(context.config)
    folder = store / fileset.id
    superseded: list[Path] = []

    def is_there(file: SourceFile) -> bool:
        destination = folder / file.name
        try:
            return _is_there(fileset.transfer, file, destination, gone, context)
        except NameTaken:
            if fileset.transfer == "mv" or not is_superseded(destination, fileset, context):
                raise
            superseded.append(destination)
            return False

    there = for_each_file(is_there, files, context)
    lacking = [file for file, is_there in zip(files, there, strict=True) if not is_there]
    _check(fileset.transfer, files, lacking, folder, gone)

    for destination in superseded:
        context.log.info("%s: %s is set aside for its repaired source", fileset.id, destination)
        set_aside(destination, store, fileset)

    linked: list[Path] = []

    def land(some: Sequence[SourceFile]) -> list[None]:
        copied = []
        for file in some:
            if _try_to_link(fileset.transfer, file, folder):
                linked.append(folder / file.name)
            else:
                copied.append((file, folder / file.name))
        copy_several(copied, context.progress.advance)
        return []

    try:
        for_handfuls(land, lacking, context)
    except StageError:
        # They would be in the way of copies, which the row may ask for next.
        for destination in linked:
            _take_back(destination)
        raise
    for parent in {(folder / file.name).parent for file in files}:
        fsync_folder(parent)
    if fileset.transfer == "mv":
        _remove_sources(fileset, files, folder, gone, context)
    return tuple(found_at(folder / file.name, file) for file in files)


def _store(config: Config) -> Path:
    if config.transfer.store is None:
        raise StageError(
            "the row asks for a transfer, but there is no store to transfer to",
            "Set transfer.store in the configuration, or write none in the row's `transfer` cell.",
        )
    return config.transfer.store.absolute()


def _is_there(
    transfer: str, file: SourceFile, destination: Path, gone: Collection[str], context: Context
) -> bool:
    """Whether an earlier run put this file there; StageError if something else has its name."""
    if _entry(destination) == _entry(Path(file.path)):
        raise StageError(
            f"{file.path} lies in the store already, where it would be transferred to",
            "Write none in the row's `transfer` cell.",
        )
    try:
        found = destination.lstat()
    except FileNotFoundError:
        if file.path in gone:
            raise StageError(
                f"{file.path} was moved to {destination}, and is not there any more",
                "Find out who removed it from the store and put it back, there or at its source.",
            ) from None
        return False
    except OSError as error:
        raise write_error(destination, error) from None
    if transfer == "ln_s":
        is_right = stat.S_ISLNK(found.st_mode) and str(destination.readlink()) == file.path
    elif not stat.S_ISREG(found.st_mode):
        is_right = False
    elif file.path not in gone and os.path.samestat(found, Path(file.path).stat()):
        is_right = transfer != "cp"  # a copy must survive what happens to its source
    else:
        is_right = _has_bytes_of(file, destination, gone, context)
    if not is_right:
        raise NameTaken(destination, transfer, file)
    return True


def _has_bytes_of(file: SourceFile, stored: Path, gone: Collection[str], context: Context) -> bool:
    if stored.stat().st_size != file.size:
        return False
    expected = content_digests(file, file.path in gone)
    return digest_file(stored, expected, context.progress.advance).digests == expected


def _check(
    transfer: str,
    files: Iterable[SourceFile],
    lacking: Iterable[SourceFile],
    folder: Path,
    gone: Collection[str],
) -> None:
    """Raises StageError if the transfer is bound to fail."""
    if transfer == "mv":
        for file in files:
            if file.path not in gone:
                check_removable(Path(file.path), "use the transfer ln or cp")
    copied = 0
    for file in lacking:
        obstacle = link_obstacle(file.path, folder) if transfer in ("ln", "mv") else ""
        if transfer == "ln" and obstacle:
            raise NoHardLink(file.path, obstacle)
        if transfer == "cp" or obstacle:
            copied += file.size
    if not copied:
        return
    free = shutil.disk_usage(nearest(folder)).free
    if copied > free:
        raise StageError(
            f"{copied} bytes are to be copied to {folder}, where {free} bytes are free",
            "Free space on the store's file system, and run the same command again.",
        )


def _try_to_link(transfer: str, file: SourceFile, folder: Path) -> bool:
    """Whether a file was linked into the store's folder; else it is to be copied."""
    is_moved = transfer == "mv"
    if transfer == "cp" or (is_moved and link_obstacle(file.path, folder)):
        return False
    try:
        _link(file, folder / file.name, symbolic=transfer == "ln_s")
    except NoHardLink:
        if not is_moved:
            raise
        return False
    return True


def _link(file: SourceFile, destination: Path, symbolic: bool) -> None:
    make_folder(destination.parent)
    try:
        if symbolic:
            destination.symlink_to(file.path)
        else:
            hard_link(file.path, destination)
    except OSError as error:
        raise write_error(destination, error) from None


def _take_back(link: Path) -> None:
    """Removes a link that this run made, unless it has become the only name of its bytes."""
    if link.is_symlink() or link.stat().st_nlink > 1:
        link.unlink()


def _remove_sources(
    fileset: Fileset,
    files: tuple[SourceFile, ...],
    folder: Path,
    gone: Collection[str],
    context: Context,
) -> None:
    """The last step of mv: all files are in the store, verified."""
    sources = [file for file in files if file.path not in gone]
    for file in sources:
        stored = (folder / file.name).lstat()
        # The same file may be visible under two paths without there being two links of it.
        if os.path.samestat(stored, Path(file.path).stat()) and stored.st_nlink < 2:
            raise StageError(
                f"{file.path} and {folder / file.name} are one and the same: nothing was removed",
                "Write none in the row's `transfer` cell.",
            )
    context.journal.append(
        fileset.id, "transfer", "intent", removes=[file.path for file in sources]
    )
    for file in sources:
        check_as_recorded(file, "checksum")
        remove_source(Path(file.path), "in the store")
    for parent in {Path(file.path).parent for file in sources}:
        fsync_folder(parent)


def _entry(path: Path) -> str:
    """The directory entry that a path stands for, with links to its folder resolved."""
    return f"{os.path.realpath(path.parent)}/{path.name}"


def _settings(config: Config) -> Mapping[str, Any]:
    store = config.transfer.store
    settings = {"store": str(store.absolute()) if store else None}
    # Only if it is switched on: otherwise earlier transfers would be done again.
    return {**settings, "protect": True} if config.transfer.protect else settings


STAGE = Stage(
    "transfer",
    run,
    still_holds,
    uses=("id", "transfer"),
    settings=_settings,
    parallel=more_than_threads,
)
