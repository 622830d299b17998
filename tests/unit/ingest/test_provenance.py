from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.fileset import Fileset, Problem
from ingest.provenance import CONFIGURATION, MANIFEST, METADATA, SNAKEFILE, write_crate
from ingest.summary import Outcome, outcome
from tests.fixtures.outcomes import (
    being_imported,
    converted,
    failed,
    found_there,
    imported,
    made_run,
)

Entities = dict[str, dict[str, Any]]


def crate_of(folder: Path, *outcomes: Outcome, **of_run: Any) -> Entities:
    """The entities of the crate that is written for `outcomes`, by their `@id`."""
    folder.mkdir(exist_ok=True)
    write_crate(folder / "results", iter(outcomes), made_run(folder, **of_run))
    graph = json.loads((folder / "results" / METADATA).read_text())["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    assert len(entities) == len(graph)
    return entities


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield value["@id"]
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def referred(value: Any) -> list[str]:
    return list(references(value))


def test_the_whole_run_is_an_action_of_the_workflow(tmp_path: Path) -> None:
    entities = crate_of(tmp_path, imported("a"), imported("b", first_id=20, host="node2"))
    run = entities["#run"]
    assert referred(run["instrument"]) == [SNAKEFILE]
    assert referred(run["object"]) == [MANIFEST, CONFIGURATION]
    assert referred(run["result"]) == ["imported.csv", "report.html"]
    assert run["startTime"] == "2026-03-01T10:00:00.250+00:00"
    assert run["endTime"] == "2026-03-01T10:04:04.750+00:00"
    assert run["actionStatus"].endswith("CompletedActionStatus")
    assert run["location"] == ["node1", "node2"]
    workflow = entities[SNAKEFILE]
    assert workflow["version"] == "0123456789abcdef0123456789abcdef01234567"
    assert workflow["codeRepository"] == "https://example.org/omero-ingest.git"
    assert entities[referred(workflow["programmingLanguage"])[0]]["version"] == "9.27.1"


def test_workflow_manifest_and_configuration_are_in_the_crate(tmp_path: Path) -> None:
    entities = crate_of(tmp_path, imported("a"))
    for name, original in {SNAKEFILE: "Snakefile", MANIFEST: "manifest.csv"}.items():
        content = (tmp_path / "results" / name).read_bytes()
        assert content == (tmp_path / original).read_bytes()
        assert entities[name]["sha256"] == hashlib.sha256(content).hexdigest()
    content = (tmp_path / "results" / CONFIGURATION).read_bytes()
    assert content == b"manifest: manifest.csv\n"
    assert entities[CONFIGURATION]["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_fileset_leads_from_its_files_to_its_objects_in_omero(tmp_path: Path) -> None:
    of = imported("a", images=2, plates=1, target="Screen:name:S", size=7)
    entities = crate_of(tmp_path, of)
    action = entities["#import/a"]
    (source,) = referred(action["object"])
    assert source == "file:///data/a/image.tiff"
    assert entities[source]["contentSize"] == "7"
    assert entities[source]["contentUrl"] == "file:///store/image.tiff"
    digests = of.files[0].digests
    assert entities[source]["identifier"] == [
        f"BLAKE3:{digests['BLAKE3']}",
        f"Murmur3-128:{digests['Murmur3-128']}",
    ]
    results = [entities[of]["identifier"] for of in referred(action["result"])]
    assert results == ["Fileset:10", "Plate:10", "Image:100", "Image:101"]
    (target,) = referred(entities["#omero/a/Plate/1"]["isPartOf"])
    assert entities[target]["identifier"] == "Screen:5"
    software = entities[referred(action["instrument"])[0]]
    names = {entities[of]["name"] for of in referred(software["softwareRequirements"])}
    assert names == {"Snakemake", "omero-py", "OMERO.server"}


def test_several_files_are_a_collection_with_the_one_omero_opens(tmp_path: Path) -> None:
    entities = crate_of(tmp_path, imported("a", file_names=("z.companion.ome", "b.tif")))
    (collection,) = referred(entities["#import/a"]["object"])
    assert entities[collection]["@type"] == "Collection"
    assert referred(entities[collection]["mainEntity"]) == ["file:///data/a/z.companion.ome"]
    files = referred(entities[collection]["hasPart"])
    assert files == ["file:///data/a/z.companion.ome", "file:///data/a/b.tif"]
    assert set(files) <= set(referred(entities["./"]["hasPart"]))


def test_a_conversion_leads_from_the_originals_to_what_is_imported(tmp_path: Path) -> None:
    entities = crate_of(tmp_path, converted("a"))
    action = entities["#convert/a"]
    assert "biomero x=1, run by apptainer" in action["description"]
    (original,) = referred(action["object"])
    assert original == "file:///data/a/raw.lif"
    assert entities[original]["identifier"] == f"BLAKE3:{'6' * 64}"
    (converter,) = referred(action["instrument"])
    assert entities[converter]["softwareVersion"] == "sha256:" + "5" * 64
    made = referred(action["result"])
    (collection,) = referred(entities["#import/a"]["object"])
    assert referred(entities[collection]["hasPart"]) == made
    assert [entities[file]["name"] for file in made] == ["converted/a.tif", "converted/b.tif"]
    results = [entities[of]["identifier"] for of in referred(entities["#import/a"]["result"])]
    assert results[:2] == ["Fileset:10", "Fileset:11"]
    assert "#convert/a" in referred(entities["./"]["mentions"])


def test_failures_are_failed_actions_with_their_causes(tmp_path: Path) -> None:
    refused = Fileset("c", 4, "/nowhere", problem=Problem("no such file", "Correct the path."))
    bad = failed("b", "import", cause="no pixels")
    entities = crate_of(tmp_path, imported("a"), bad, outcome(refused, {}))
    errors = {name: entities[name].get("error") for name in entities if "#import/" in name}
    assert errors == {
        "#import/a": None,
        "#import/b": "import: no pixels",
        "#import/c": "plan: no such file",
    }
    assert entities["#import/b"]["actionStatus"].endswith("FailedActionStatus")
    assert "result" not in entities["#import/b"]
    assert entities["#run"]["error"] == "2 of 3 filesets failed or are unfinished"


def test_what_was_in_omero_already_is_no_result_of_the_run(tmp_path: Path) -> None:
    entities = crate_of(tmp_path, found_there("a", 7), being_imported("b"))
    found = entities["#import/a"]
    assert "not imported: already in OMERO as Fileset:7" in found["description"]
    assert "result" not in found
    assert found["actionStatus"].endswith("CompletedActionStatus")
    assert "still being imported by OMERO" in entities["#import/b"]["error"]
    assert "0 of 2 verified and annotated" in entities["./"]["description"]


def test_every_reference_has_its_entity_and_every_action_is_mentioned(tmp_path: Path) -> None:
    entities = crate_of(tmp_path, imported("a", file_names=("x", "y")), failed("b", "import"))
    outside = ("https://bioschemas.org/", "https://doi.org/", "https://snakemake.readthedocs.io")
    for entity in entities.values():
        for name, value in entity.items():
            for of in references(value) if name != "conformsTo" else ():
                assert of in entities or of.startswith(outside), (entity["@id"], name)
    actions = {of["@id"] for of in entities.values() if of["@type"] == "CreateAction"}
    assert actions <= set(referred(entities["./"]["mentions"]))


def test_two_runs_differ_only_in_times_hosts_and_ids(tmp_path: Path) -> None:
    def run(day: int, first: int, host: str, server: str) -> Entities:
        return crate_of(
            tmp_path,
            imported("a", images=2, first_id=first, day=day, host=host),
            imported("p", plates=1, first_id=first + 5, day=day, host=host, file_names=("x", "y")),
            failed("b", "import", day=day, host=host),
            omero_server=server,
        )

    one = run(1, 10, "node1", "one.example.org:4064")
    two = run(2, 70, "node2", "two.example.org:4064")
    assert list(one) == list(two)
    differing = {
        (entity["@type"], name)
        for identifier, entity in one.items()
        for name in entity.keys() | two[identifier].keys()
        if entity.get(name) != two[identifier].get(name)
    }
    assert differing == {
        ("Dataset", "datePublished"),
        ("CreateAction", "startTime"),
        ("CreateAction", "endTime"),
        ("CreateAction", "location"),
        ("CreateAction", "description"),  # names the server
        ("CreativeWork", "identifier"),
    }
    del one["#run"]["description"], two["#run"]["description"]
    assert {of["@id"]: of.get("description") for of in one.values()} == {
        of["@id"]: of.get("description") for of in two.values()
    }


def test_the_same_records_make_the_same_bytes(tmp_path: Path) -> None:
    outcomes = [imported("a", file_names=("x", "y")), failed("b", "import")]
    texts = []
    for _ in range(2):
        crate_of(tmp_path, *outcomes)
        texts.append((tmp_path / "results" / METADATA).read_bytes())
    assert texts[0] == texts[1]


def test_no_secret_of_the_environment_is_in_it(tmp_path: Path, monkeypatch: Any) -> None:
    for name in ("OMERO_PASSWORD", "OMERO_SESSION"):
        monkeypatch.setenv(name, "hunter2-secret")
    crate_of(tmp_path, imported("a"))
    for path in (tmp_path / "results").rglob("*"):
        assert path.is_dir() or b"hunter2-secret" not in path.read_bytes()


def test_hostile_names_make_valid_uris(tmp_path: Path) -> None:
    name = 'a b"<>%41#?\udcff.tif'
    entities = crate_of(tmp_path, imported("a", file_names=(name,)))
    (source,) = referred(entities["#import/a"]["object"])
    assert source == "file:///data/a/a%20b%22%3C%3E%2541%23%3F%FF.tif"
    assert entities[source]["name"] == 'a b"<>%41#?\\udcff.tif'


@pytest.mark.parametrize(
    ("algorithm", "term"),
    [("MD5-128", "md5"), ("SHA1-160", "sha1"), ("SHA2-256", "sha256"), ("SHA2-512", "sha512")],
)
def test_digests_that_the_profile_has_terms_for_use_them(
    tmp_path: Path, algorithm: str, term: str
) -> None:
    of = imported("a")
    file = replace(of.files[0], digests={algorithm: "ab12"})
    entities = crate_of(tmp_path, replace(of, files=(file,)))
    (source,) = referred(entities["#import/a"]["object"])
    assert entities[source][term] == "ab12"
    assert entities[source]["identifier"] == f"{algorithm}:ab12"


def test_folders_of_records_are_parts_when_they_are_there(tmp_path: Path) -> None:
    (tmp_path / "results" / "checksum").mkdir(parents=True)
    parts = referred(crate_of(tmp_path, imported("a"))["./"]["hasPart"])
    assert "checksum/" in parts
    assert "annotate/" not in parts


def test_a_run_of_which_nothing_is_known_has_a_crate_too(tmp_path: Path) -> None:
    refused = Fileset("c", 4, "/nowhere", problem=Problem("no such file", "Correct the path."))
    unknown = {"commit": "", "repository": "", "omero_user": "", "omero_server": ""}
    entities = crate_of(tmp_path, outcome(refused, {}), **unknown)
    assert entities["./"]["datePublished"]
    assert "version" not in entities[SNAKEFILE]
