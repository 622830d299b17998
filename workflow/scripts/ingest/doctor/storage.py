"""Storage: hard links, room for copies and conversions, locks, file systems and their clocks."""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.config import Config
from ingest.conversion.place import scratch, store
from ingest.doctor.findings import Finding
from ingest.doctor.mounts import Mount, mount_of
from ingest.doctor.people import Account, is_read_only, user_name
from ingest.doctor.repository import REMOUNT
from ingest.doctor.rows import Row
from ingest.fileset import StageError
from ingest.hardlinks import link_obstacle, nearest
from ingest.import_transfers import is_custom, removes_sources, way
from ingest.source_removal import check_removable
from ingest.words import counted, size, some

NEARLY_FULL = 0.9  # of what is free
PER_FILESET = 20_000  # bytes of records, journal and table in the results folder, about


@dataclass(frozen=True, slots=True)
class Need:
    """So many bytes and files are going to be put below `place`, for `what`."""

    what: str
    place: Path
    bytes: int
    files: int


def hard_links(
    rows: Sequence[Row], config: Config, repository: Path | None, mounts: Sequence[Mount]
) -> Iterator[Finding]:
    """Whether those that rows ask for can be made. Nothing is linked to find out."""
    asked = 0
    why: dict[str, list[str]] = {}
    for row in rows:
        for path, obstacle in link_obstacles(row, config, repository, mounts):
            asked += 1
            if obstacle:
                why.setdefault(obstacle, []).append(path)
    for obstacle, paths in why.items():
        yield Finding(
            "fix",
            "hard links",
            f"{len(paths)} of {asked} cannot be made: {obstacle}: {some(paths)}",
            link_remedy(obstacle),
        )
    if asked and not why:
        yield Finding("ok", "hard links", f"nothing is known against the {asked} that rows ask for")


def link_obstacles(
    row: Row, config: Config, repository: Path | None, mounts: Sequence[Mount]
) -> Iterator[tuple[str, str]]:
    """(file, what is known against a hard link of it) for each that a row asks for."""
    for path, folder in _links(row, config, repository):
        try:
            yield path, link_obstacle(path, folder) or _other_mount(path, folder, mounts)
        except FileNotFoundError:
            continue  # the manifest's affair


def _links(row: Row, config: Config, repository: Path | None) -> Iterator[tuple[str, Path]]:
    """(file, folder to link it in), of what is there already; the repository's of stored files
    stand for those of the store."""
    fileset, files = row.fileset, row.files[:1] or (row.fileset.path,)
    place = config.transfer.store
    if fileset.transfer == "ln" and place and not row.landed:
        yield from ((path, place) for path in row.files)
    if way(fileset.import_transfer) != "ln" or is_custom(fileset.import_transfer):
        return
    if repository is None or not repository.is_dir():
        return
    if fileset.convert:
        yield str(nearest(store(config))), repository
    elif fileset.transfer in ("none", "ln_s"):
        yield from ((path, repository) for path in row.files)
    elif fileset.transfer == "ln":
        yield files[0], repository
    elif place:
        yield str(nearest(place)), repository


def _other_mount(path: str, folder: Path, mounts: Sequence[Mount]) -> str:
    here, there = mount_of(Path(path), mounts), mount_of(folder, mounts)
    if here and there and here.number != there.number:
        return f"{here.point} and {there.point} are two mounts, and none leads from one to another"
    return ""


def link_remedy(obstacle: str) -> str:
    """What to do where a hard link cannot be made."""
    if "protected_hardlinks" in obstacle:
        return (
            "Let the files belong to the account that runs the jobs, or give it write permission "
            "to them; sysctl fs.protected_hardlinks=0 lifts it for the whole machine; or use cp "
            "or ln_s."
        )
    return "Use cp or ln_s for these rows, or have both places on one file system and mount."


def removals(rows: Iterable[Row]) -> Iterator[Finding]:
    """Whether the sources of rows that ask for it may be removed afterwards."""
    asked, refused = 0, {}
    for row in rows:
        if row.fileset.transfer != "mv" and not removes_sources(row.fileset.import_transfer):
            continue
        for path in row.files:
            asked += 1
            try:
                check_removable(Path(path), "use a transfer that keeps it")
            except StageError as error:
                refused[error.cause] = error.remedy
    if refused:
        causes = list(refused)
        yield Finding(
            "fix",
            "removal",
            f"{len(causes)} of {asked} sources cannot be removed: {causes[0]}",
            refused[causes[0]],
        )
    elif asked:
        yield Finding("ok", "removal", f"the {asked} sources that rows want removed can be")


def needs(rows: Sequence[Row], config: Config, repository: Path | None) -> list[Need]:
    """Room that the rows' copies, uploads and conversions take.

    A conversion's output is taken to be as large as what it is made of: it may be more or less.
    """
    found = []
    for row in rows:
        found.append(Need("records", config.results, PER_FILESET, 8))
        fileset, files = row.fileset, max(1, len(row.files))
        place = config.transfer.store
        if fileset.convert and not row.landed:
            home = store(config)
            found.append(Need("conversions", home, row.size, files))
            if config.convert.keep_original == "archive":
                found.append(Need("originals", home, row.size, files))
            if config.convert.scratch:
                found.append(Need("conversions in work", scratch(config), row.size, files))
        elif fileset.transfer != "none" and place and not row.landed:
            copied = row.size if is_copied(row, place) else 0
            found.append(Need("the store's files", place, copied, files))
        if repository and repository.is_dir():
            linked = way(fileset.import_transfer) in ("ln_s", "ln")
            found.append(Need("OMERO's copies", repository, 0 if linked else row.size, files + 6))
    return found


def is_copied(row: Row, place: Path) -> bool:
    """Whether a row's transfer to the store writes its bytes again."""
    if row.fileset.transfer != "mv":
        return row.fileset.transfer == "cp"
    try:
        return bool(row.files) and bool(link_obstacle(row.files[0], place))
    except OSError:
        return True


def room(wanted: Iterable[Need]) -> Iterator[Finding]:
    """Whether each file system has the bytes and the inodes for all that goes there."""
    by_device: dict[int, list[Need]] = {}
    for need in wanted:
        by_device.setdefault(nearest(need.place.absolute()).stat().st_dev, []).append(need)
    for several in by_device.values():
        place = nearest(several[0].place.absolute())
        system = os.statvfs(place)
        free = system.f_bavail * system.f_frsize
        total = sum(need.bytes for need in several)
        kinds: dict[str, int] = {}
        for need in several:
            kinds[need.what] = kinds.get(need.what, 0) + need.bytes
        parts = ", ".join(f"{what} {size(number)}" for what, number in kinds.items() if number)
        text = f"{place}: {size(total)} to come ({parts}), {size(free)} free"
        if total > free:
            yield Finding(
                "fix",
                "space",
                text,
                "Free space there, have the rows' files linked instead of copied, or split the "
                "manifest.",
            )
        elif total > NEARLY_FULL * free:
            yield Finding("warn", "space", text, "Free space there: that is nearly all of it.")
        else:
            yield Finding("ok", "space", text)
        files = sum(need.files for need in several)
        # File systems that make inodes as they need them (btrfs, many network ones) say 0.
        if system.f_files and files > system.f_favail:
            yield Finding(
                "fix",
                "inodes",
                f"{place}: {counted(files, 'file')} and folders to come, "
                f"{system.f_favail} inodes free",
                "Remove files there, or have its file system made with more inodes.",
            )


def stores(
    rows: Sequence[Row], config: Config, us: Account, omero: Account | None = None
) -> Iterator[Finding]:
    """Whether this account can write where rows are brought to, and OMERO's gets there."""
    asked = {}
    if any(row.fileset.transfer != "none" for row in rows) and config.transfer.store:
        asked["transfer.store"] = config.transfer.store
    if any(row.fileset.convert for row in rows):
        asked["convert.store"] = store(config)
        if config.convert.scratch:
            asked["convert.scratch"] = config.convert.scratch
    for option, place in asked.items():
        there = nearest(place.absolute())
        if not there.is_dir():
            said = f"{option}: {there} is not a folder"
            yield Finding("fix", "store", said, "Move it away, or set the option to a folder.")
            continue
        closed = omero and option != "convert.scratch" and not omero.may_reach(there / "file")
        if closed and omero:
            yield Finding(
                "fix",
                "store",
                f"{option}: OMERO's account {omero.name} cannot search the folders that lead to "
                f"{there}",
                f"Let {omero.name} search them (chmod o+x, or a group in common): its repository "
                "will link to files there.",
            )
        if is_read_only(there):
            said = f"{option}: {place} is on a file system that is mounted read-only"
            yield Finding("fix", "store", said, REMOUNT)
            continue
        if os.access(there, os.W_OK | os.X_OK, effective_ids=True):
            yield Finding("ok", "store", f"{option}: {place} may be written to")
            continue
        yield Finding(
            "fix",
            "store",
            f"{option}: {us.name} may not write to it: {there} "
            f"(owner {user_name(there.stat().st_uid)})",
            "Give this account permission to write there, or set the option to another folder.",
        )


def not_in_repository(config: Config, repository: Path) -> Iterator[Finding]:
    """What OMERO does not know of in its repository may be removed; what it makes there may come in
    the way of what is ours."""
    home = os.path.realpath(repository)
    places = {
        "results": config.results,
        "transfer.store": config.transfer.store,
        "convert.store": config.convert.store,
        "convert.scratch": config.convert.scratch,
    }
    for option, place in places.items():
        if place and Path(os.path.realpath(place)).is_relative_to(home):
            yield Finding(
                "fix",
                "store",
                f"{option}: {place} lies in OMERO's managed repository",
                f"Set {option} to a folder of its own: the repository is for OMERO's files and the "
                "links to ours, and whoever clears it of what OMERO does not know loses these.",
            )


def locks(results: Path) -> Iterator[Finding]:
    """Whether the results folder's file system keeps two processes apart, and knows the time.

    A file is written there and removed again.
    """
    probe = results / f".doctor-{uuid.uuid4().hex}"
    try:
        before = time.time()
        with probe.open("x+b") as first, probe.open("rb+") as second:
            first.write(b"doctor")
            first.flush()
            os.fsync(first.fileno())
            wrote = os.fstat(first.fileno()).st_mtime
            after = time.time()
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
                kept = False
            except BlockingIOError:
                kept = True
    except OSError as error:
        yield Finding(
            "fix",
            "locks",
            f"the results folder {results} cannot be locked: {error.strerror or error}",
            "Put the results on a file system with locks (Lustre: mount it with the option flock).",
        )
        return
    finally:
        probe.unlink(missing_ok=True)
    if kept:
        yield Finding("ok", "locks", f"{results}: two runs would be kept apart")
    else:
        yield Finding(
            "fix",
            "locks",
            f"{results}: two processes got the same lock at once",
            "Put the results on a file system with working locks.",
        )
    ahead = wrote - before if wrote < before else max(0.0, wrote - after)
    yield from _clock(ahead, results)


def _clock(ahead: float, results: Path) -> Iterator[Finding]:
    from ingest.doctor.server import clock

    # A file's time may be that of the kernel's last tick, 10 ms ago.
    yield from clock(ahead if abs(ahead) > 0.1 else 0.0, f"the clock of {results}'s file system")


def from_the_future(rows: Iterable[Row], now: float) -> Iterator[Finding]:
    """Sources that were changed later than now: their file server's clock is ahead."""
    late = [
        path
        for row in rows
        for path in row.files
        if Path(path).exists() and Path(path).stat().st_mtime > now + 60
    ]
    if late:
        yield Finding(
            "warn",
            "clocks",
            f"{counted(len(late), 'source')} changed in the future: {some(late)}",
            "Look at the clock of the machine that wrote them (or of their file server).",
        )


def file_systems(places: Mapping[str, Path], mounts: Sequence[Mount]) -> Iterator[Finding]:
    """What kind each place is on, and what that means. `places` maps a word for it to a path."""
    from ingest.doctor.file_systems import meaning

    for name, place in places.items():
        mount = mount_of(place, mounts)
        if mount is None:
            yield Finding("note", "file systems", f"{name}: {place} is on no mount that is known")
            continue
        known = meaning(mount, name)
        yield Finding(
            known.status,
            "file systems",
            f"{name}: {mount.kind} at {mount.point}: {known.text}",
            known.remedy,
        )
