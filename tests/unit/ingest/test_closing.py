"""The end of a run whose OMERO is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest import closing
from ingest.context import Context
from ingest.fileset import StageError
from ingest.omero.errors import LostConnection
from ingest.omero.session import SessionPool
from ingest.plan import Plan
from ingest.summary import Outcome
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
