"""The ledger, the status and the notice of real runs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from ingest.config import Config, load
from ingest.context import Context
from ingest.fileset import StageError
from ingest.journal import Journal
from ingest.ledger.ledger import rebuild
from ingest.ledger.schema import ledger
from ingest.ledger.update import note_in_ledger
from ingest.run_history import read_runs
from tests.integration.orders.postgres import PASSWORD, postgres
from tests.integration.state.test_notices import Hook, hook
from tests.integration.workflow.images import write_corrupt_image, write_image
from tests.integration.workflow.workspace import Workspace, kill_everything

__all__ = ["hook"]

TABLES = ("runs", "filesets", "events", "journals", "run_events")


def asked(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(file) as connection:
        return connection.execute(sql).fetchall()


def contents(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {table: sorted(asked(file, f"select * from {table}"), key=repr) for table in TABLES}


def context_of(workspace: Workspace, **options: Any) -> Context:
    config: Config = load(
        {"results": str(workspace.results), "watch": {"intakes": str(workspace.folder / "none")}}
        | options
    )
    return Context(config, config.results, Journal(config.results / "journal"))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        with postgres(folder) as url:
            yield url.format("postgres")
    finally:
        shutil.rmtree(folder)


def test_runs_are_kept_shown_and_told_of(
    tmp_path: Path, hook: tuple[type[Hook], str], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    write_image(tmp_path / "source" / "good.ome.tif")
    write_corrupt_image(tmp_path / "source" / "bad.ome.tif")
    kind, url = hook
    workspace.configure(notify={"webhook": url})
    rows = [{"fileset": name, "path": f"source/{name}.ome.tif"} for name in ("good", "bad")]
    workspace.write_manifest(rows)

    assert workspace.run().status != 0
    ((_, _, notice),) = kind.got
    verdict = (workspace.results / "verdict.txt").read_text().strip()
    assert verdict in notice["text"] and "bad" in verdict

    stood = workspace.run("status")
    assert stood.status == 0 and len(kind.got) == 1
    words = (workspace.results / "status.txt").read_text()
    assert words.strip() in stood.terminal
    assert "1 of 2 filesets are in OMERO" in words and "The last run failed" in words
    assert "bad (convert, failed)" in words and "remedy: Check that the file" in words

    file = workspace.results / "ledger.db"
    assert asked(file, "select fileset, status, stage from filesets order by row") == [
        ("good", "ok", ""),
        ("bad", "error", "convert"),
    ]
    ((outcome, said),) = asked(file, "select outcome, words from runs where ended != ''")
    assert outcome == "failed" and "bad" in said

    write_image(tmp_path / "source" / "bad.ome.tif", seed=1)
    assert workspace.run().status == 0
    assert len(kind.got) == 1
    runs = asked(file, "select started, outcome from runs order by started")
    assert [outcome for _, outcome in runs] == ["failed", "ok"]
    history = "select run, event from run_events where fileset = 'bad' and stage = 'convert'"
    assert asked(file, f"{history} order by number") == [
        (runs[0][0], "failed"),
        (runs[1][0], "done"),
    ]

    rebuild(context_of(workspace))
    whole = contents(file)
    assert len(whole["events"]) >= 9
    file.unlink()
    rebuild(context_of(workspace))
    assert contents(file) == whole

    monkeypatch.setenv("OMERO_INGEST_LEDGER_URL", address)
    for _ in range(2):
        rebuild(context_of(workspace))
    with create_engine(address).connect() as connection:
        for table in TABLES:
            rows_there = connection.execute(text(f'select * from "{table}"')).all()
            assert sorted(map(tuple, rows_there), key=repr) == whole[table]


def test_nobody_is_told_of_a_run_that_was_stopped(
    tmp_path: Path, hook: tuple[type[Hook], str]
) -> None:
    workspace = Workspace(tmp_path)
    write_image(tmp_path / "a.ome.tif")
    kind, url = hook
    workspace.configure(omero={"embedded": False}, notify={"webhook": url})
    workspace.write_manifest([{"fileset": "a", "path": "a.ome.tif"}])
    with socket.create_server(("127.0.0.1", 0)) as silent:  # who logs in there waits
        login = {"OMERO_HOST": "127.0.0.1", "OMERO_PORT": str(silent.getsockname()[1])}
        run = workspace.start(environment={**login, "OMERO_USER": "u", "OMERO_PASSWORD": "p"})
        try:
            silent.settimeout(120)
            connection, _ = silent.accept()
            os.killpg(run.pid, signal.SIGINT)  # as the watch ends one
            terminal, _ = run.communicate(timeout=60)
            connection.close()
        finally:
            if run.poll() is None:
                kill_everything(run)
    assert run.returncode != 0
    assert terminal.rstrip().endswith("The same command goes on with it.")
    assert kind.got == []
    assert [each["outcome"] for each in read_runs(workspace.results)] == ["stopped"]


def test_a_ledger_that_cannot_be_had_is_told_without_its_password(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url, words in {
        address.replace("ingest:", "nobody:"): "authentication failed",
        "postgresql://me:s3cr3t@host:s3cr3t/db": "not the address",
        "mysql://me:s3cr3t@host/db": "not the address",
    }.items():
        monkeypatch.setenv("OMERO_INGEST_LEDGER_URL", url)
        with pytest.raises(StageError) as refused, ledger(tmp_path / "ledger.db"):
            pass
        said = refused.value.cause + refused.value.remedy
        assert words in said and "s3cr3t" not in said and PASSWORD not in said


def test_a_database_that_is_lost_on_the_way_is_told_and_had_again(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(url: str, *statements: str) -> None:
        with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    own = address.replace("/postgres?", "/lost?")
    run(address, "create database lost")
    monkeypatch.setenv("OMERO_INGEST_LEDGER_URL", own)
    config = load({"results": str(tmp_path / "results")})
    context = Context(config, config.results, Journal(config.results / "journal"))

    with (
        pytest.raises(StageError, match=r"terminating connection|closed the connection"),
        ledger(tmp_path / "ledger.db") as connection,
    ):
        number = connection.exec_driver_sql("select pg_backend_pid()").scalar_one()
        run(address, f"select pg_terminate_backend({number})")
        connection.exec_driver_sql("select 1")
    assert note_in_ledger(context, [], "") == ""

    run(own, "update ledger_version set version_num = '0099'", "drop table journals")
    assert "are of 0099" in note_in_ledger(context, [], "")
    rebuild(context)
    assert note_in_ledger(context, [], "") == ""

    # Somebody's open transaction does not hold up a run for good.
    monkeypatch.setattr("ingest.ledger.schema._PATIENCE", 1)
    with create_engine(own).begin() as other:
        other.execute(text("lock table runs"))
        assert "lock timeout" in note_in_ledger(context, [], "")

    run(address, "drop database lost with (force)")
    assert "does not exist" in note_in_ledger(context, [], "")
    run(address, "create database lost")
    rebuild(context)
    assert note_in_ledger(context, [], "") == ""
