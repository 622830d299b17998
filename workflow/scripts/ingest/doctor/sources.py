"""The files that rows name: can we read them, can OMERO, who could change them, will they stay."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ingest.config import Config
from ingest.conversion.place import store
from ingest.doctor.findings import Finding
from ingest.doctor.mounts import Mount, is_temporary
from ingest.doctor.people import READ, SEARCH, WRITE, Account, has_acl
from ingest.doctor.rows import Row
from ingest.import_transfers import is_custom, way
from ingest.words import counted, some

CHECK = "sources"


def stays_at_source(row: Row) -> bool:
    """Whether OMERO's repository will link to the very files that the row names."""
    fileset = row.fileset
    linked = way(fileset.import_transfer) in ("ln_s", "ln") or is_custom(fileset.import_transfer)
    return linked and not fileset.convert and fileset.transfer in ("none", "ln_s", "ln")


def readable(rows: Sequence[Row]) -> Iterator[Finding]:
    """By this account, and while it runs: a file that is named only, without being opened."""
    files = [path for row in rows for path in row.files]
    closed = [path for path in files if not os.access(path, os.R_OK, effective_ids=True)]
    if closed:
        yield Finding(
            "fix",
            CHECK,
            f"{len(closed)} of {counted(len(files), 'file')} cannot be read: {some(closed)}",
            "Give the account that runs the jobs permission to read them, and to search their "
            "folders.",
        )
    elif files:
        yield Finding("ok", CHECK, f"{counted(len(files), 'file')} can be read by this account")


def readable_by_omero(rows: Sequence[Row], omero: Account) -> Iterator[Finding]:
    """Links lead OMERO's server to the sources, so its account must be able to read them."""
    files = _linked(rows)
    closed = [
        path
        for path in files
        if not has_acl(Path(path))
        and not (omero.may(READ, Path(path).stat()) and omero.may_reach(Path(path)))
    ]
    if closed:
        yield Finding(
            "fix",
            CHECK,
            f"OMERO's account {omero.name} cannot read {len(closed)} of "
            f"{counted(len(files), 'file')}: {some(closed)}",
            f"Give {omero.name} permission to read them and to search their folders (a group in "
            "common), or use import_transfer cp or upload.",
        )
    elif files:
        yield Finding("ok", CHECK, f"OMERO's account {omero.name} can read them")


def not_in_repository(rows: Sequence[Row], repository: Path) -> Iterator[Finding]:
    """OMERO's documentation: no soft links to data inside the repository."""
    home = Path(os.path.realpath(repository))
    inside = [
        row.fileset.path
        for row in rows
        if stays_at_source(row) and Path(os.path.realpath(row.fileset.path)).is_relative_to(home)
    ]
    if inside:
        yield Finding(
            "fix",
            CHECK,
            f"{counted(len(inside), 'row')} would be linked to what lies in OMERO's repository: "
            f"{some(inside, 'paths')}",
            "Name the files where they lie for good: who deletes the images that are in OMERO "
            "already deletes these files.",
        )


def not_writable(rows: Sequence[Row], omero: Account | None, us: Account) -> Iterator[Finding]:
    """OMERO's documentation: read-only for OMERO's account and for the owner is best.

    `omero` is None when its account is not known.
    """
    files = [path for path in _linked(rows) if not has_acl(Path(path))]
    anyone = [path for path in files if _anyone_may_change(Path(path))]
    if anyone:
        yield Finding(
            "fix",
            CHECK,
            f"everybody on this machine may change or remove {len(anyone)} of "
            f"{counted(len(files), 'file')}: {some(anyone)}",
            "Run chmod o-w on the files and on their folders: OMERO will link to them, and they "
            "may be the only copy.",
        )
    if omero is None or not files:
        return
    if omero.uid in (0, us.uid):
        whose = "root" if omero.uid == 0 else f"this account, {us.name}"
        yield Finding(
            "note",
            CHECK,
            f"OMERO's files belong to {whose}: what it may do to the sources says nothing",
        )
        return
    theirs = [path for path in files if path not in set(anyone) and _may_change(Path(path), omero)]
    if theirs:
        yield Finding(
            "warn",
            CHECK,
            f"OMERO's account {omero.name} may change or remove {len(theirs)} of "
            f"{counted(len(files), 'file')}: {some(theirs)}",
            f"Make them and their folders read-only for {omero.name} (chmod g-w, another owner).",
        )
    elif files and not anyone:
        yield Finding("ok", CHECK, f"OMERO's account {omero.name} cannot change them")


def _linked(rows: Iterable[Row]) -> list[str]:
    return [
        path for row in rows if stays_at_source(row) for path in row.files if Path(path).exists()
    ]


def _anyone_may_change(path: Path) -> bool:
    folder = Path(os.path.realpath(path)).parent.stat()
    open_folder = bool(folder.st_mode & stat.S_IWOTH) and not folder.st_mode & stat.S_ISVTX
    return bool(path.stat().st_mode & stat.S_IWOTH) or open_folder


def _may_change(path: Path, omero: Account) -> bool:
    found, folder = path.stat(), Path(os.path.realpath(path)).parent.stat()
    if found.st_uid == omero.uid or omero.may(WRITE, found):
        return True
    removes = omero.may(WRITE, folder) and omero.may(SEARCH, folder)
    return removes and (not folder.st_mode & stat.S_ISVTX or folder.st_uid == omero.uid)


def stay(
    rows: Sequence[Row], config: Config, mounts: Sequence[Mount], patterns: Sequence[str]
) -> Iterator[Finding]:
    """Whether what OMERO will link to lies on storage that is emptied."""
    remedy = (
        "OMERO's documentation: under no circumstances import in place from temporary storage. "
        "Move the files to permanent storage first, or bring them there with the row's transfer "
        "(cp, mv) or import_transfer cp or upload."
    )
    folders: dict[str, str] = {}

    def why(path: str) -> str:
        folder = path if Path(path).is_dir() else str(Path(path).parent)
        if folder not in folders:
            folders[folder] = is_temporary(Path(folder), mounts, patterns)
        return folders[folder]

    linked = [row.fileset.path for row in rows if stays_at_source(row)]
    bad = [path for path in linked if why(path)]
    if bad:
        yield Finding(
            "fix",
            CHECK,
            f"OMERO would link to temporary storage for {counted(len(bad), 'row')}: "
            f"{some(bad, 'paths')} ({why(bad[0])})",
            remedy,
        )
    elif linked:
        yield Finding("ok", CHECK, "none that OMERO would link to is on temporary storage")
    copied = [row.fileset.path for row in rows if not stays_at_source(row)]
    passing = [path for path in copied if why(path)]
    if passing:
        yield Finding(
            "note",
            CHECK,
            f"files of {counted(len(passing), 'row')} are copied from temporary storage: "
            f"{some(passing, 'paths')}",
            "Run before it is emptied.",
        )
    for name, place in _stores(rows, config):
        reason = is_temporary(place, mounts, patterns)
        if reason:
            yield Finding(
                "fix",
                "store",
                f"{name} {place} is on temporary storage ({reason})",
                f"Set {name} to a folder on permanent storage.",
            )


def _stores(rows: Sequence[Row], config: Config) -> list[tuple[str, Path]]:
    """The stores that rows are brought to."""
    found = []
    if config.transfer.store and any(row.fileset.transfer != "none" for row in rows):
        found.append(("transfer.store", config.transfer.store))
    if any(row.fileset.convert for row in rows) and config.convert.store:
        found.append(("convert.store", store(config)))
    return found
