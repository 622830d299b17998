"""`snakemake doctor`: every check, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from ingest.context import Context
from ingest.doctor import (
    asked_annotations,
    people,
    programs,
    repository,
    server,
    sources,
    storage,
    table,
)
from ingest.doctor.findings import Finding, examined
from ingest.doctor.mounts import Mount, read_mounts
from ingest.doctor.people import Account, account_of, ourselves
from ingest.doctor.rows import Row, Rows, converters_asked, read_rows
from ingest.import_transfers import way
from ingest.omero.repository import open_repository
from ingest.omero.session import Session

_UNKNOWN_ROWS = "No rows are known: fix the manifest and run doctor again."


def doctor(context: Context) -> None:
    """Writes results/doctor.txt and .json. Raises SystemExit(1) when something must be fixed."""
    findings = diagnose(context)
    table.write(context.results, findings)
    for each in findings:
        context.log.info("%s\t%s\t%s", each.status, each.check, each.finding)
    if any(each.status == "fix" for each in findings):
        raise SystemExit(1)


def diagnose(context: Context) -> list[Finding]:
    """Makes every check that what is known allows, in their order."""
    return _Diagnosis(context).findings


class _Diagnosis:
    """What is known grows from check to check; what is unknown leaves its checks out."""

    def __init__(self, context: Context) -> None:
        self.context, self.config = context, context.config
        self.findings: list[Finding] = []
        self.us: Account = ourselves()
        self.rows = Rows(False, (), ())
        self.mounts: list[Mount] = []
        self.session: Session | None = None
        self.omero: Account | None = None  # that OMERO's server runs as
        self.mount: Path | None = None  # of the repository, when it is there
        self._look("file systems", self._mounts)
        self._look("manifest", self._rows)
        self._look("login", self._login)
        if self.session:
            self._look("server", self._server)
            self._look("annotations", self._annotations)
            self._look("repository", self._repository)
        self._umask_and_storage()
        self._converters()

    def _look(self, check: str, look: Callable[[], Iterable[Finding]]) -> None:
        self.findings += examined(check, look)

    def _mounts(self) -> Iterator[Finding]:
        self.mounts = read_mounts()
        yield from ()

    def _rows(self) -> Iterator[Finding]:
        self.rows = read_rows(self.config)
        yield from self.rows.findings
        if not self.rows.is_known:
            yield Finding(
                "note", "manifest", "without rows, most checks of sources are left out",
                _UNKNOWN_ROWS,
            )  # fmt: skip

    def _login(self) -> Iterator[Finding]:
        self.session, found = server.log_in(self.context)
        yield from found

    def _server(self) -> Iterator[Finding]:
        session = self.session
        assert session is not None
        said = server.ask(session, open_repository(session, None).proxy)
        wanted = {row.fileset.checksum_algorithm for row in self.rows.todo}
        wanted.add(self.config.checksum.algorithm)
        yield from server.version(said.version)
        yield from server.algorithms(said.offered, wanted)
        yield from server.clock(said.ahead)
        yield from server.accounts(session, server.accounts_asked(self.rows.todo, self.config))

    def _annotations(self) -> Iterator[Finding]:
        assert self.session is not None
        wanted = asked_annotations.asked(self.rows, self.config)
        yield from asked_annotations.in_their_group(self.session, wanted)

    def _repository(self) -> Iterator[Finding]:
        session = self.session
        assert session is not None
        if self.rows.todo and all(_uploads(row) for row in self.rows.todo):
            yield Finding("note", "repository", "not needed here: every row is uploaded")
            return
        found = open_repository(session, None)
        mount = self.config.omero.managed_repository or found.mount
        there = list(repository.mounted(mount, found.mount))
        yield from there
        if any(each.status == "fix" for each in there):
            return
        self.mount = mount
        owner = mount.stat()
        self.omero = account_of(owner.st_uid, owner.st_gid)
        known = repository.known_to_omero(session, found.proxy)
        yield from repository.is_the_servers(mount, known)
        yield from repository.writable(mount, self.us)
        yield from repository.shared_by_group(mount, self.us)
        yield from repository.newest_import(repository.import_folders(mount), self.us)

    def _umask_and_storage(self) -> None:
        config, mounts = self.config, self.mounts
        rows: tuple[Row, ...] = self.rows.todo
        patterns = config.doctor.temporary
        omero, mount, us = self.omero, self.mount, self.us
        self._look("umask", lambda: umask(people.current_umask(), us, omero, _makes_files(rows)))
        self._look("sources", lambda: sources.readable(rows))
        if omero:
            self._look("sources", lambda: sources.readable_by_omero(rows, omero))
        if mount:
            self._look("sources", lambda: sources.not_in_repository(rows, mount))
            self._look("store", lambda: storage.not_in_repository(config, mount))
        self._look("sources", lambda: sources.not_writable(rows, omero, us))
        self._look("sources", lambda: sources.stay(rows, config, mounts, patterns))
        self._look("store", lambda: storage.stores(rows, config, us, omero))
        self._look("hard links", lambda: storage.hard_links(rows, config, mount, mounts))
        self._look("removal", lambda: storage.removals(rows))
        self._look("space", lambda: storage.room(storage.needs(rows, config, mount)))
        self._look("locks", lambda: storage.locks(self.context.results))
        self._look("clocks", lambda: storage.from_the_future(rows, time.time()))
        places = _places(rows, self.context, mount)
        self._look("file systems", lambda: storage.file_systems(places, mounts))

    def _converters(self) -> None:
        configured = self.config.converters
        if not configured:
            return
        asked: set[str] = set(configured)
        if self.rows.is_known:
            asked = converters_asked(self.rows.todo, self.config)
        for name, converter in configured.items():
            only = {name: converter}
            self._look("converters", partial(programs.converters, only, asked))


def umask(mask: int, us: Account, omero: Account | None, makes_files: bool) -> Iterator[Finding]:
    """`makes_files`: rows have files copied or converted, which OMERO's account is to read."""
    is_ours = omero is not None and omero.uid in (0, us.uid)
    if mask & 0o050 and makes_files and not is_ours:
        yield Finding(
            "fix",
            "umask",
            f"umask {mask:04o} keeps OMERO's account from reading the files that are made",
            "Run umask 0002 first (in the profile of the account that runs the jobs).",
        )
    elif mask & 0o050 or (mask & 0o070 and not is_ours):
        yield Finding(
            "warn" if mask & 0o050 else "note",
            "umask",
            f"umask {mask:04o} gives the group less than OMERO's documentation asks for",
            "Run umask 0002 first where OMERO's account shares a group with this one.",
        )
    else:
        yield Finding("ok", "umask", f"{mask:04o}")


def _uploads(row: Row) -> bool:
    return way(row.fileset.import_transfer) == "upload"


def _makes_files(rows: Iterable[Row]) -> bool:
    return any(row.fileset.transfer != "none" or row.fileset.convert for row in rows)


def _places(rows: Iterable[Row], context: Context, mount: Path | None) -> dict[str, Path]:
    """What is looked at, by the word that the findings call it; sources by their mount's first."""
    config = context.config
    places = {"results": context.results}
    if mount:
        places["repository"] = mount
    if config.transfer.store:
        places["transfer.store"] = config.transfer.store
    if config.convert.store:
        places["convert.store"] = config.convert.store
    if config.convert.scratch:
        places["convert.scratch"] = config.convert.scratch
    devices: dict[int, Path] = {}
    for row in rows:
        path = Path(row.fileset.path)
        if path.exists():
            devices.setdefault(path.stat().st_dev, path)
    for number, path in enumerate(devices.values()):
        places["sources" if number == 0 else f"sources ({number + 1})"] = path
    return places
