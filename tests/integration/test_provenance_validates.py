"""The crate of a run passes an independent validator, and that validator does find faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests_cache import CachedSession
from rocrate_validator.models import ValidationSettings
from rocrate_validator.services import validate
from urllib3 import HTTPResponse

from ingest.fileset import Fileset, Problem
from ingest.provenance import METADATA, SNAKEFILE, write_crate
from ingest.report import write_report
from ingest.summary import outcome, write_table
from tests.fixtures.outcomes import converted, failed, imported, made_run

CONTEXTS = Path(__file__).parents[1] / "fixtures" / "contexts"
ADDRESSES = {
    "https://w3id.org/ro/crate/1.1/context": "ro-crate-1.1.jsonld",
    "https://w3id.org/ro/terms/workflow-run/context": "workflow-run.jsonld",
}
PROFILES = ["ro-crate-1.1", "process-run-crate-0.5", "workflow-run-crate-0.5"]


class FromFixtures(HTTPAdapter):
    """Answers requests for the contexts from this repository's files."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        body = (CONTEXTS / ADDRESSES[str(request.url)]).open("rb")
        headers = {"Content-Type": "application/ld+json"}
        answer = HTTPResponse(
            body, headers, 200, preload_content=False, request_url=str(request.url)
        )
        return self.build_response(request, answer)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The validator's cache, holding the contexts as if it had fetched them itself."""
    cache = tmp_path_factory.mktemp("cache") / "http"
    with CachedSession(cache_name=str(cache), backend="sqlite", expire_after=-1) as session:
        session.mount("https://", FromFixtures())
        for address in ADDRESSES:
            session.get(address).raise_for_status()
    return cache


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    """A results folder of a run in which all that can happen to a fileset happened."""
    hostile = 'Größe "quoted" <b> %41 #1?.tif'
    refused = Fileset("typo", 6, "/nowhere", problem=Problem("no such file", "Correct the path."))
    outcomes = [
        imported("single", transfer="mv"),
        imported("multi", first_id=20, images=2, file_names=("a.ome.tiff", hostile, "x\udcff.tif")),
        imported("plate", first_id=30, images=4, plates=1, target="Screen:name:Große Studie"),
        converted("converted"),
        failed("bad", "import"),
        failed("worse", "convert"),
        outcome(refused, {}),
    ]
    results = tmp_path / "results"
    for folder in ("plan", "import"):
        (results / folder).mkdir(parents=True)
    run = made_run(tmp_path)
    write_table(results / "imported.csv", outcomes)
    write_report(results / "report.html", outcomes, run, {})
    write_crate(results, outcomes, run)
    return results


def faults(crate: Path, cache: Path, profile: str, severity: str = "REQUIRED") -> list[str]:
    """What the validator finds in the crate, offline."""
    result = validate(
        ValidationSettings(
            rocrate_uri=str(crate),
            profile_identifier=profile,
            requirement_severity=severity,
            offline=True,
            cache_path=cache,
        )
    )
    return [f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_crate_fulfils_all_that_is_required(profile: str, crate: Path, contexts: Path) -> None:
    assert faults(crate, contexts, profile) == []


def entity(document: dict[str, Any], identifier: str) -> dict[str, Any]:
    return next(of for of in document["@graph"] if of["@id"] == identifier)


def without_licence(document: dict[str, Any]) -> None:
    del entity(document, "./")["license"]


def without_profile(document: dict[str, Any]) -> None:
    del entity(document, "./")["conformsTo"]


def without_instrument(document: dict[str, Any]) -> None:
    del entity(document, "#import/multi")["instrument"]


def without_run(document: dict[str, Any]) -> None:
    document["@graph"].remove(entity(document, "#run"))


def with_unknown_term(document: dict[str, Any]) -> None:
    entity(document, "#run")["blake3"] = "00"


def with_unlinked_file(document: dict[str, Any]) -> None:
    entity(document, "./")["hasPart"].remove({"@id": "file:///data/single/image.tiff"})


@pytest.mark.parametrize(
    "damage",
    [
        without_licence,
        without_profile,
        without_instrument,
        without_run,
        with_unknown_term,
        with_unlinked_file,
    ],
)
def test_the_validator_finds_a_damaged_crate(
    damage: Callable[[dict[str, Any]], None], crate: Path, contexts: Path
) -> None:
    metadata = crate / METADATA
    document = json.loads(metadata.read_text())
    damage(document)
    metadata.write_text(json.dumps(document))
    assert faults(crate, contexts, "workflow-run-crate-0.5")


def test_the_validator_asks_for_a_workflow_that_is_gone(crate: Path, contexts: Path) -> None:
    (crate / SNAKEFILE).unlink()
    assert any("Snakefile" in of for of in faults(crate, contexts, "workflow-run-crate-0.5"))
