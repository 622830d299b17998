"""What earlier scans saw and handed on, in an SQLite file.

What was handed on is told by the intakes themselves; this file can be made anew from them. What it
alone knows is since when files have been as they are, and what was refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.drop.listing import Stamp

_TABLES = """
create table if not exists seen (
    path text primary key, inode integer, size integer, mtime_ns integer, ctime_ns integer,
    since real
) without rowid;
create table if not exists handed (
    id integer primary key, path text, inode integer, size integer, mtime_ns integer,
    ctime_ns integer, print text, fileset text, intake text
);
create index if not exists handed_path on handed (path);
create index if not exists handed_content on handed (size, mtime_ns);
create index if not exists handed_inode on handed (inode, size);
create table if not exists refused (
    path text primary key, inode integer, size integer, mtime_ns integer, beside text, reason text
) without rowid;
create table if not exists intakes (id text primary key) without rowid;
"""

_HANDED = "select id, path, inode, size, mtime_ns, ctime_ns, print, fileset, intake from handed "


@dataclass(frozen=True, slots=True)
class Handed:
    """A file that was handed on: where it lay when it was last recognised, and its fingerprint."""

    id: int
    path: str
    stamp: Stamp
    print: str
    fileset: str
    intake: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A file, and since when (seconds since 1970) it has not changed."""

    stamp: Stamp
    since: float


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a file is not handed on; `beside` tells of which files beside it that depended."""

    content: tuple[int, int, int]
    beside: str
    reason: str


class State:
    """The file at `path`; made when it is not there. One process at a time uses it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # No write-ahead log: it needs memory that is shared, which network file systems lack.
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("pragma synchronous = full")
        self._database.executescript(_TABLES)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """All that is written inside is written, or nothing of it."""
        self._database.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._database.execute("rollback")
            raise
        self._database.execute("commit")

    def seen(self) -> dict[str, Seen]:
        rows = self._database.execute(
            "select path, inode, size, mtime_ns, ctime_ns, since from seen"
        )
        return {path: Seen(Stamp(*stamp), since) for path, *stamp, since in rows}

    def note_seen(self, changed: Mapping[str, Seen], gone: Iterable[str]) -> None:
        self._database.executemany(
            "insert or replace into seen values (?, ?, ?, ?, ?, ?)",
            [(path, *seen.stamp, seen.since) for path, seen in changed.items()],
        )
        self._database.executemany("delete from seen where path = ?", [(path,) for path in gone])

    def refused(self) -> dict[str, Refused]:
        rows = self._database.execute(
            "select path, inode, size, mtime_ns, beside, reason from refused"
        )
        return {
            path: Refused((inode, size, mtime), beside, reason)
            for path, inode, size, mtime, beside, reason in rows
        }

    def note_refused(self, refused: Mapping[str, Refused], gone: Iterable[str]) -> None:
        self._database.executemany(
            "insert or replace into refused values (?, ?, ?, ?, ?, ?)",
            [(path, *one.content, one.beside, one.reason) for path, one in refused.items()],
        )
        self._database.executemany("delete from refused where path = ?", [(path,) for path in gone])

    def handed_at(self, path: str) -> list[Handed]:
        """What was handed on from this path, the latest first."""
        return self._handed("where path = ? order by id desc", path)

    def handed_like(self, size: int, mtime_ns: int) -> list[Handed]:
        """What was handed on with this size and this time of modification."""
        return self._handed("where size = ? and mtime_ns = ? order by id desc", size, mtime_ns)

    def handed_as(self, inode: int, size: int) -> list[Handed]:
        """What was handed on as this inode, of this size."""
        return self._handed("where inode = ? and size = ? order by id desc", inode, size)

    def forget(self, intake: str, fileset: str) -> None:
        """The files of this fileset were not handed on after all."""
        self._database.execute(
            "delete from handed where intake = ? and fileset = ?", (intake, fileset)
        )

    def move(self, handed: Handed, path: str, stamp: Stamp) -> None:
        """A file that was handed on is known by this path and stamp from now on."""
        self._database.execute(
            "update handed set path = ?, inode = ?, size = ?, mtime_ns = ?, ctime_ns = ? "
            "where id = ?",
            (path, *stamp, handed.id),
        )

    def intakes(self) -> set[str]:
        """The intakes whose files are known here."""
        return {name for (name,) in self._database.execute("select id from intakes")}

    def note_intake(self, intake: str, files: Iterable[tuple[str, Stamp, str, str]]) -> None:
        """An intake was written with these files: path, stamp, fingerprint and fileset."""
        self._database.executemany(
            "insert into handed (path, inode, size, mtime_ns, ctime_ns, print, fileset, intake) "
            "values (?, ?, ?, ?, ?, ?, ?, ?)",
            [(path, *stamp, print, fileset, intake) for path, stamp, print, fileset in files],
        )
        self._database.execute("insert into intakes values (?)", (intake,))

    def _handed(self, where: str, *values: object) -> list[Handed]:
        return [
            Handed(id, path, Stamp(*stamp), print, fileset, intake)
            for id, path, *stamp, print, fileset, intake in self._database.execute(
                _HANDED + where, values
            )
        ]
