"""Bringing the ledger up to date with a results folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select
from sqlalchemy import update as update_rows

from ingest.chunks import in_chunks
from ingest.config import Config
from ingest.context import Context
from ingest.fileset import StageError
from ingest.journal import Journal
from ingest.ledger.schema import FILE, events, filesets, journals, ledger, results, runs
from ingest.run_history import now, read_runs
from ingest.summary import TO_DO, Outcome

CHUNK = 5_000  # rows of one insert


def ledger_file(config: Config) -> Path:
    """The SQLite file, where the environment names no other database."""
    return config.ledger.file or config.results / FILE


def note_in_ledger(context: Context, outcomes: Sequence[Outcome], words: str | None = None) -> str:
    """How things stand now; with `words`, a run's verdict, at its end. The ledger is derived, so
    its failure is no run's: why it is not up to date is returned, empty when it is."""
    if not context.config.ledger.enabled:
        return ""
    try:
        with ledger(ledger_file(context.config)) as connection:
            update(connection, context.results, context.journal, outcomes)
            if words is not None:
                _note_end(connection, context.results, all(each.ok for each in outcomes), words)
    except StageError as error:
        context.log.warning("%s. %s", error.cause, error.remedy)
        return f"{error.cause}. {error.remedy}"
    return ""


def update(
    connection: Connection, folder: Path, journal: Journal, outcomes: Iterable[Outcome]
) -> None:
    """Puts in what is new in the results `folder`: all its filesets and runs, and the events of
    those journals that have grown."""
    its = _id(connection, str(folder.absolute()))
    connection.execute(delete(runs).where(runs.c.results_id == its))
    _insert(
        connection,
        runs,
        ({"results_id": its, **run, "words": _plain(run["words"])} for run in read_runs(folder)),
    )
    connection.execute(delete(filesets).where(filesets.c.results_id == its))
    _insert(connection, filesets, (_fileset(its, outcome) for outcome in outcomes))
    _update_events(connection, its, journal)


def _note_end(connection: Connection, folder: Path, is_ok: bool, words: str) -> None:
    """Of the run at work, whose end is told to its results only after this."""
    last = runs.c.results_id == _id(connection, str(folder.absolute()))
    started = select(func.max(runs.c.started)).where(last).scalar_subquery()
    end = {"ended": now(), "outcome": "ok" if is_ok else "failed", "words": _plain(words)}
    connection.execute(update_rows(runs).where(last, runs.c.started == started).values(end))


def forget(connection: Connection, folder: Path) -> None:
    """Takes out all there is of a results folder."""
    its = _id(connection, str(folder.absolute()))
    for table in (runs, filesets, events, journals):
        connection.execute(delete(table).where(table.c.results_id == its))


def _id(connection: Connection, path: str) -> int:
    wanted = select(results.c.id).where(results.c.path == path)
    found = connection.scalar(wanted)
    if found is not None:
        return found
    connection.execute(insert(results).values(path=path))
    return connection.execute(wanted).scalar_one()


def _fileset(its: int, outcome: Outcome) -> dict[str, Any]:
    fileset = outcome.fileset
    status, cause, remedy = str(outcome.status), outcome.cause, outcome.remedy
    if not outcome.is_recorded:  # the words of `snakemake status`
        status, cause, remedy = TO_DO, "", ""
    return {
        "results_id": its,
        "fileset": fileset.id,
        "row": fileset.row,
        "path": _plain(fileset.path),
        "target": outcome.target,
        "user": fileset.user,
        "group": fileset.group,
        "status": status,
        "stage": outcome.stage,
        "cause": _plain(cause),
        "remedy": _plain(remedy),
        "omero_fileset": outcome.fileset_id,
        "images": len(outcome.image_ids),
        "files": len(outcome.files),
        "bytes": outcome.bytes,
    }


def _update_events(connection: Connection, its: int, journal: Journal) -> None:
    known = select(journals.c.fileset, journals.c.bytes).where(journals.c.results_id == its)
    earlier: dict[str, int] = dict(connection.execute(known).tuples().all())
    grown = [(name, size) for name, size in _sizes(journal.folder) if earlier.get(name) != size]
    for some in in_chunks(grown, CHUNK):
        again = [name for name, _ in some if name in earlier]
        for names in in_chunks(again, 500):  # SQLite's limit of variables
            for table in (events, journals):
                connection.execute(
                    delete(table).where(table.c.results_id == its, table.c.fileset.in_(names))
                )
        _insert(
            connection, events, (row for name, _ in some for row in _events(its, name, journal))
        )
        _insert(
            connection,
            journals,
            ({"results_id": its, "fileset": name, "bytes": size} for name, size in some),
        )


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    """Each journal's fileset, and how many bytes it has."""
    if not folder.is_dir():
        return
    for spread in os.scandir(folder):
        if spread.is_dir():
            for entry in os.scandir(spread.path):
                if entry.name.endswith(".jsonl"):
                    yield entry.name.removesuffix(".jsonl"), entry.stat().st_size


def _events(its: int, name: str, journal: Journal) -> Iterator[dict[str, Any]]:
    for number, event in enumerate(journal.events(name)):
        record: Mapping[str, Any] = event.get("record") or {}
        yield {
            "results_id": its,
            "fileset": name,
            "number": number,
            "time": str(event.get("time", "")),
            "stage": str(event.get("stage", "")),
            "event": str(event.get("event", "")),
            "cause": _plain(str(event.get("cause") or record.get("cause") or "")),
            "remedy": _plain(str(event.get("remedy") or record.get("remedy") or "")),
            "host": str(record.get("host", "")),
            "seconds": record.get("seconds"),
        }


def _insert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    for some in in_chunks(rows, CHUNK):
        connection.execute(insert(table), some)


def _plain(text: str) -> str:
    """A text that any database takes: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
