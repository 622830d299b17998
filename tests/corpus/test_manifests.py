"""Every manifest of the corpus is refused in words, or its rows are what they say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.config import load
from ingest.manifest import ManifestError, read_manifest
from ingest.plan import compile_plan
from tests.corpus import manifest_cases, world
from tests.corpus.manifest_cases import Case, row

MOST = 40_000  # characters that a terminal is asked to show


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("w")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return world.build(folder)


@pytest.mark.parametrize("case", manifest_cases.CASES, ids=lambda case: case.name)
def test_a_manifest(folder: Path, case: Case) -> None:
    (folder / "manifest.csv").write_bytes(case.content)
    options = dict(case.options)
    if "allowed_roots" in options:
        options["allowed_roots"] = [str(folder / root) for root in options["allowed_roots"]]
    config = load({"manifest": "manifest.csv", **options})
    if not case.says:
        rows = read_manifest(config, folder).rows
        assert len(rows) == case.rows
        assert not any(each.problem for each in rows)
        return
    before = world.listing(folder)
    with pytest.raises(ManifestError) as refused:
        compile_plan(config, folder)
    told = str(refused.value)
    for text in ("nothing was touched", *case.says):
        assert text in told
    assert all(problem.cause and problem.remedy for problem in refused.value.problems)
    assert len(told) < MOST
    assert all(line.isprintable() for line in told.splitlines())
    assert world.listing(folder) == before


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        ("pipe", "a pipe, a socket or a device"),
        ("socket", "a pipe, a socket or a device"),
        ("/dev/zero", "a pipe, a socket or a device"),
        ("set", "it is a folder"),
        ("sparse", "1,099,511,627,776 bytes"),
        ("loop", "Too many levels of symbolic links"),
        ("broken", "no such file"),
        ("a.tif/manifest.csv", "Not a directory"),
        ("n" * 300, "File name too long"),
    ],
)
def test_what_is_no_manifest_at_all(folder: Path, manifest: str, says: str) -> None:
    with pytest.raises(ManifestError) as refused:
        compile_plan(load({"manifest": manifest}), folder)
    assert says in str(refused.value)
    assert not (folder / "results").exists()


def test_the_folder_of_the_results_is_nobodys_images(folder: Path) -> None:
    (folder / "manifest.csv").write_bytes(row(path="out", files="journal/*"))
    (folder / "out" / "journal").mkdir(parents=True)
    (folder / "out" / "journal" / "f.jsonl").write_text("{}")
    with pytest.raises(ManifestError, match="is part of this run"):
        compile_plan(load({"manifest": "manifest.csv", "results": "out"}), folder)


def test_a_pattern_that_takes_for_ever_is_given_up(tmp_path: Path) -> None:
    from ingest.fileset import StageError
    from ingest.omero.target_template import concrete_target

    with pytest.raises(StageError, match="endless ways"):
        concrete_target("regex:(?<Container1>(/|a|aa|.a)+(a|aa)+)b", "/" + "a" * 400, False)


def test_a_manifest_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> bytes:  # the tests may run as root, who may do anything
        raise PermissionError(13, os.strerror(13), str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(ManifestError, match="Permission denied"):
        read_manifest(load({"manifest": "manifest.csv"}), folder)
