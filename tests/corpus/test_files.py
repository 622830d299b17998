"""Every fileset of the corpus, in one batch, from the plan to OMERO and into the report."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ingest.closing import write_results
from tests.corpus.file_cases import CASES, Case
from tests.corpus.pipeline import Pipeline
from tests.integration.ingest_omero.rig import Server
from tests.integration.workflow.workspace import ROOT


def fileset(case: Case) -> str:
    return f"c{CASES.index(case)}"


@pytest.fixture(scope="module")
def pipeline(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """After the last stage. All rows may name files below `data` only."""
    folder = tmp_path_factory.mktemp("files")
    rows = []
    for case in CASES:
        own = folder / "data" / fileset(case)
        own.mkdir(parents=True)
        case.make(own)
        rows.append(
            {
                "fileset": fileset(case),
                "path": f"data/{fileset(case)}/{case.path}",
                "files": case.files,
                "transfer": case.transfer,
                "name": "=1+1<script>alert(1)</script>" if case.name == CASES[0].name else "",
            }
        )
    options = {"allowed_roots": [str(folder / "data")], "invalid_rows": "skip"}
    pipeline = Pipeline(folder, server, rows, options)
    pipeline.run_all()
    write_results(pipeline.context, ROOT / "Snakefile")
    yield pipeline
    pipeline.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fileset(pipeline: Pipeline, case: Case) -> None:
    own = pipeline.folder / "data" / fileset(case)
    record = pipeline.first_failure(fileset(case))
    if case.stage:
        assert record is not None
        assert (record.stage, record.status in ("error", "impossible")) == (case.stage, True)
        assert case.says in record.cause
        assert "unexpected" not in record.cause
        assert record.remedy
        return
    assert record is None, record
    left = sum(path.is_file() for path in own.rglob("*") if not path.is_symlink())
    assert (left == 0) == (case.transfer == "mv")
    if case.transfer == "cp":
        stored = pipeline.folder / "store" / fileset(case)
        for path in own.rglob("*"):
            assert (stored / path.relative_to(own)).read_bytes() == path.read_bytes()


def test_the_table_holds_no_formula(pipeline: Pipeline) -> None:
    with (pipeline.results / "imported.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.reader(lines))
    assert len(rows) == len(CASES) + 1
    assert len({len(row) for row in rows}) == 1
    assert not any(
        cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row
    )


class Page(HTMLParser):
    """How many scripts a page has, and what its tags do."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts = 0
        self.acts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.acts += [name for name, _ in attrs if name.startswith("on")]
        assert tag not in ("iframe", "object", "embed", "base", "form")


def test_the_report_acts_on_nothing_that_a_name_says(pipeline: Pipeline) -> None:
    page = Page((pipeline.results / "report.html").read_text(encoding="utf-8"))
    assert (page.scripts, page.acts) == (1, [])


@pytest.mark.parametrize("name", ["inventory.txt", "verdict.txt"])
def test_what_a_terminal_shows_does_not_steer_it(pipeline: Pipeline, name: str) -> None:
    text = (pipeline.results / name).read_text(encoding="utf-8")
    assert all(line.isprintable() for line in text.split("\n"))


def test_the_crate_is_json(pipeline: Pipeline) -> None:
    assert json.loads((pipeline.results / "ro-crate-metadata.json").read_bytes())["@graph"]


def test_nothing_was_made_beside_the_results_and_the_store(pipeline: Pipeline) -> None:
    made = {"data", "results", "store", "manifest.csv", "secret.ome.tif", "outside.tif"}
    assert {path.name for path in pipeline.folder.iterdir()} <= made
    assert not [path for path in Path.cwd().iterdir() if path.name in ("x", "x`", "-rf.tif")]
