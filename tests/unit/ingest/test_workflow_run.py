from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from ingest.config import load
from ingest.workflow_run import describe_run, public_url


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("https://example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://mara:secret@example.org:8443/a/b.git", "https://example.org:8443/a/b.git"),
        ("https://token@example.org/a?private_token=secret", "https://example.org/a"),
        ("ssh://git@example.org/a/b.git", "ssh://example.org/a/b.git"),
        ("git@example.org:a/b.git", "https://example.org/a/b.git"),
        ("/home/mara/b.git", ""),
        ("../b.git", ""),
        ("file:///home/mara/b.git", ""),
        ("", ""),
    ],
)
def test_a_repositorys_address_holds_no_secret(remote: str, url: str) -> None:
    assert public_url(remote) == url


def test_the_commit_is_that_of_the_workflow_and_says_when_it_was_changed(tmp_path: Path) -> None:
    snakefile = tmp_path / "Snakefile"
    snakefile.write_text("rule all:\n")
    assert describe_run(load({}), snakefile).commit == ""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", "https://mara:secret@example.org/w.git")
    git(tmp_path, "add", "Snakefile")
    git(tmp_path, "commit", "--quiet", "-m", "start")
    git(tmp_path, "tag", "v1")
    run = describe_run(load({}), snakefile)
    assert run.commit == git(tmp_path, "rev-parse", "HEAD")
    assert run.repository == "https://example.org/w.git"
    snakefile.write_text("rule all:\n    input: []\n")
    assert describe_run(load({}), snakefile).commit == f"{run.commit}-dirty"


def test_the_whole_configuration_is_kept(tmp_path: Path) -> None:
    run = describe_run(load({"report": {"title": "Größe"}}), tmp_path / "Snakefile")
    options = yaml.safe_load(run.configuration)
    assert options["report"]["title"] == "Größe" == run.title
    assert options["checksum"]["algorithm"] == "Murmur3-128"
    assert "import" in options


def test_no_secret_of_the_environment_is_in_it(tmp_path: Path, monkeypatch) -> None:
    for name in ("OMERO_PASSWORD", "OMERO_SESSION"):
        monkeypatch.setenv(name, "hunter2-secret")
    assert "hunter2-secret" not in repr(describe_run(load({}), tmp_path / "Snakefile"))


def test_software_that_is_not_known_is_left_out(tmp_path: Path) -> None:
    run = describe_run(load({}), tmp_path / "Snakefile", omero_version="5.6.17")
    assert run.software["OMERO.server"] == "5.6.17"
    assert "Bio-Formats" not in run.software
    assert run.software["Snakemake"].startswith("9.")
