"""The ledger of journals and outcomes as they come, on SQLite."""

from __future__ import annotations

import re
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select

from ingest.config import load
from ingest.context import Context
from ingest.fileset import Fileset, Record, StageError
from ingest.journal import Journal
from ingest.ledger.ledger import rebuild
from ingest.ledger.schema import VERSION_TABLE, events, filesets, ledger, metadata, runs
from ingest.ledger.update import forget, note_in_ledger, update
from ingest.plan import compile_plan
from ingest.records import write_records
from ingest.run_history import note_begin, note_end
from ingest.summary import STAGES, Outcome, outcome


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "results" / "journal")


def outcomes(*names: str, **changes: Any) -> list[Outcome]:
    return [Outcome(Fileset(name, 2 + n, f"/data/{name}"), **{"status": "ok", **changes})
            for n, name in enumerate(names)]  # fmt: skip


def fill(tmp_path: Path, journal: Journal, found: list[Outcome]) -> None:
    with ledger(tmp_path / "ledger.db") as connection:
        update(connection, tmp_path / "results", journal, found)


def rows(tmp_path: Path, table: Any) -> list[dict[str, Any]]:
    with ledger(tmp_path / "ledger.db") as connection:
        return [row._asdict() for row in connection.execute(select(table))]


def test_migrations_lead_to_the_tables_that_are_used(tmp_path: Path) -> None:
    with ledger(tmp_path / "ledger.db") as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_only_journals_that_grew_are_read_again(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        journal.append(name, "checksum", "failed", cause="the disk", remedy="Mend it.")
    fill(tmp_path, journal, outcomes("a", "b"))
    journal.append("b", "checksum", "done", key="k", record={"host": "node1", "seconds": 2.5})
    read: list[str] = []
    whole = Journal.events
    monkeypatch.setattr(
        Journal, "events", lambda self, name: read.append(name) or whole(self, name)
    )
    fill(tmp_path, journal, outcomes("a", "b"))
    assert read == ["b"]
    found = {(row["fileset"], row["number"]): row for row in rows(tmp_path, events)}
    assert sorted(found) == [("a", 0), ("b", 0), ("b", 1)]
    assert found["a", 0]["cause"] == "the disk" and found["a", 0]["event"] == "failed"
    assert (found["b", 1]["host"], found["b", 1]["seconds"]) == ("node1", 2.5)


def test_several_results_share_one_and_are_forgotten_alone(
    tmp_path: Path, journal: Journal
) -> None:
    fill(tmp_path, journal, outcomes("a"))
    with ledger(tmp_path / "ledger.db") as connection:
        update(connection, tmp_path / "others", Journal(tmp_path / "others"), outcomes("a", "z"))
        forget(connection, tmp_path / "results")
    assert [row["fileset"] for row in rows(tmp_path, filesets)] == ["a", "z"]


def test_names_that_no_database_takes_are_written_escaped(tmp_path: Path, journal: Journal) -> None:
    fill(tmp_path, journal, outcomes("a", status="error", cause="no /data/\udcff\0.tif"))
    assert rows(tmp_path, filesets)[0]["cause"] == "no /data/\\udcff\\0.tif"


def test_the_run_at_work_ends_with_its_summary(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    note_end(results, note_begin(results), "failed", "one failed")
    note_begin(results)  # which is killed
    note_begin(results)
    config = load({"results": str(results)})
    note_in_ledger(
        Context(config, results, Journal(results / "journal")), outcomes("a"), "all well"
    )
    with ledger(results / "ledger.db") as connection:
        found = [row._asdict() for row in connection.execute(select(runs).order_by("started"))]
    assert [(run["outcome"], run["words"]) for run in found] == [
        ("failed", "one failed"),
        ("", ""),
        ("ok", "all well"),
    ]


def test_a_ledger_that_cannot_be_written_fails_no_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (tmp_path / "ledger.db").write_text("no database at all, but a text that somebody put here")
    config = load({"results": str(results), "ledger": {"file": str(tmp_path / "ledger.db")}})
    with pytest.raises(StageError), ledger(tmp_path / "ledger.db"):
        pass
    said = note_in_ledger(Context(config, results, Journal(results / "journal")), outcomes("a"), "")
    assert "The ledger cannot be used" in said and "The ledger cannot be used" in caplog.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("update ledger_version set version_num = '0099'", "another version .* are of 0099"),
        ("drop table events", "no such table"),
        ("drop view run_events", ""),
        ("alter table runs drop column words", "no column named words"),
        ("delete from ledger_version", "already exists"),
    ],
)
def test_a_ledger_whose_tables_are_other_than_ours_is_told_and_made_anew(
    tmp_path: Path, journal: Journal, change: str, words: str
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    note_end(results, note_begin(results), "ok", "")
    journal.append("a", "checksum", "failed", cause="the disk", remedy="Mend it.")
    fill(tmp_path, journal, outcomes("a"))
    file = tmp_path / "ledger.db"
    with sqlite3.connect(file) as connection:
        connection.execute(change)
    journal.append("a", "checksum", "done", key="k", record={"host": "node1", "seconds": 2.5})
    config = load({"results": str(results), "ledger": {"file": str(file)}})
    said = note_in_ledger(Context(config, results, journal), outcomes("a"), "")
    assert re.search(words, said) if words else not said
    with ledger(file, anew=True) as connection:
        forget(connection, results)
        update(connection, results, journal, outcomes("a"))
    assert len(rows(tmp_path, events)) == 2
    with sqlite3.connect(file) as connection:
        assert len(connection.execute("select run, event from run_events").fetchall()) == 2


def test_tables_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("create table runs (marathon text)")
    with pytest.raises(StageError, match="already exists"), ledger(tmp_path / "ledger.db", True):
        pass
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        assert connection.execute("select marathon from runs").fetchall() == []


def test_runs_that_end_at_once_wait_for_each_other(tmp_path: Path) -> None:
    failed: list[Exception] = []

    def one(number: int) -> None:
        results = tmp_path / f"results{number}"
        try:
            with ledger(tmp_path / "ledger.db") as connection:
                update(connection, results, Journal(results), outcomes("a", "b"))
        except StageError as error:
            failed.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == [] and len(rows(tmp_path, filesets)) == 8


def test_what_no_stage_has_come_to_is_to_do_as_in_the_status(
    tmp_path: Path, journal: Journal
) -> None:
    fill(tmp_path, journal, [outcome(Fileset("a", 2, "/data/a"), {})])

    (row,) = rows(tmp_path, filesets)
    assert (row["status"], row["stage"], row["cause"]) == ("to do", "convert", "")


def test_results_that_are_damaged_keep_no_others_out(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"x")
    (tmp_path / "manifest.csv").write_text("fileset,path\na,a.tif\n")
    options = {
        "manifest": str(tmp_path / "manifest.csv"),
        "ledger": {"file": str(tmp_path / "l.db")},
    }
    intakes = tmp_path / "intakes"
    damaged = intakes / "drop" / "1" / "results"
    sound = intakes / "drop" / "2" / "results"
    for results in (damaged, sound):
        results.mkdir(parents=True)
        (results.parent / "manifest.csv").write_text("fileset,path\n")
        compile_plan(load({**options, "results": str(results)}))
        for stage in STAGES:
            write_records(results / stage / "a.jsonl", [Record("a", stage, "ok")])
    (damaged / "checksum" / "a.jsonl").write_text('{"fileset": "a"')
    results = tmp_path / "results"
    results.mkdir()
    config = load({**options, "results": str(results), "watch": {"intakes": str(intakes)}})
    with pytest.raises(SystemExit):
        rebuild(Context(config, results, Journal(results / "journal")))
    words = (results / "ledger.txt").read_text()
    assert "1 fileset of 1 results folder" in words
    assert f"{damaged} is damaged" in words
