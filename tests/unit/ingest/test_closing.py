"""The end of a run whose OMERO is gone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ingest import closing
from ingest.context import Context
from ingest.failures import last_failures
from ingest.fileset import StageError
from ingest.omero.errors import LostConnection
from ingest.omero.session import SessionPool
from ingest.plan import Plan
from ingest.records import write_records
from ingest.summary import STAGES, Outcome
from tests.fixtures.outcomes import failed, imported


@pytest.fixture
def ending(context: Context, monkeypatch: pytest.MonkeyPatch) -> list[Outcome]:
    """The outcomes of a run that `context` ends; OMERO cannot be reached any more."""
    outcomes: list[Outcome] = []

    def unreachable(*_: object) -> None:
        raise LostConnection("OMERO is gone", "Wait for it.")

    monkeypatch.setattr(SessionPool, "get", unreachable)
    monkeypatch.setattr(closing, "load_index", lambda _results: Plan({}))
    monkeypatch.setattr(closing, "collect", lambda _results, _batches: outcomes)
    return outcomes


def test_what_failed_is_told_without_omero(context: Context, ending: list[Outcome]) -> None:
    ending += [imported("a"), failed("b", "import", cause="the connection was lost")]
    closing.write_results(context, Path("Snakefile"))
    assert "the connection was lost" in (context.results / "verdict.txt").read_text()
    assert "OMERO is gone" in (context.results / "inventory.txt").read_text()
    for name in ("imported.csv", "report.html", "ro-crate-metadata.json"):
        assert (context.results / name).exists()


def test_a_good_run_is_not_ended_without_what_omero_tells(
    context: Context, ending: list[Outcome]
) -> None:
    ending.append(imported("a"))
    with pytest.raises(StageError, match="OMERO is gone"):
        closing.write_results(context, Path("Snakefile"))
    assert not (context.results / "imported.csv").exists()


def test_records_that_somebody_removed_are_made_again(
    context: Context, ending: list[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    ending.append(failed("a", "transfer", cause="transfer left no record of it"))
    monkeypatch.setattr(closing, "load_index", lambda _results: SimpleNamespace(batches=["b1"]))
    for stage in (each for each in STAGES if each != "transfer"):
        write_records(context.results / stage / "b1.jsonl", [])
    before = last_failures(context.results)
    closing.write_results(context, Path("Snakefile"))
    after = last_failures(context.results)
    again = [stage for stage in STAGES if after.since(stage, "b1") != before.since(stage, "b1")]
    assert again == ["convert", "checksum", "transfer"]
