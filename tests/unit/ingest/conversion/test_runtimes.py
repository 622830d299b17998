"""What runtimes are chosen and called with."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.config import load
from ingest.conversion import images, runtimes
from ingest.conversion.choice import choose
from ingest.conversion.runtimes import Job, Runtime, command, environment, suitable
from ingest.fileset import StageError

JOB = Job(
    image="localhost/x",
    words=["--inputfile", "/data/a b"],
    has_entry=True,
    mounts=(('/raw, "x"', "/data", False), ("/scratch/out", "/output", True)),
    temporary=Path("/scratch/tmp"),
    environment={"KEY": "secret value", "HOME": "/tmp"},
    variables=Path("/scratch/variables"),
    cpus=1,
    memory_mb=100,
    network=False,
    working_folder="",
    name="name",
)
PODMAN = Runtime("podman", network_off=("--network", "none"), memory="limited")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("a.sif", ["apptainer"]),
        ("/images/folder", ["apptainer"]),
        ("./folder", ["apptainer"]),
        ("oras://example.org/x:1", ["apptainer"]),
        ("docker://x/y:1", ["apptainer", "podman", "docker"]),
        ("localhost/x", ["podman", "docker"]),
        ("x:latest", ["podman", "docker"]),
    ],
)
def test_the_image_says_which_runtimes_can_use_it(image: str, expected: list[str]) -> None:
    described = {"c": {"image": image, "contract": "biomero"}}
    converter = load({"converters": described}).converters["c"]
    assert suitable(converter) == expected
    named = converter.model_copy(update={"runtime": "docker"})
    assert suitable(named) == ["docker"]


def test_a_folder_that_is_there_is_a_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images/box").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert runtimes.is_path("images/box")
    assert not runtimes.is_path("images/other")
    assert not runtimes.is_path("images")


def test_podman_and_docker_get_mounts_limits_and_no_values_of_variables() -> None:
    words = command(PODMAN, JOB)
    assert 'type=bind,"source=/raw, ""x""",destination=/data,readonly' in words
    assert "type=bind,source=/scratch/out,destination=/output" in words
    assert "type=bind,source=/scratch/tmp,destination=/tmp" in words
    assert words[words.index("--memory") + 1] == "100m"
    assert words[words.index("--network") + 1] == "none"
    assert words[words.index("--env-file") + 1] == "/scratch/variables"
    assert words[-3:] == ["localhost/x", "--inputfile", "/data/a b"]
    assert "secret value" not in " ".join(words)
    assert "--network" not in command(PODMAN, replace(JOB, network=True))
    docker = command(replace(PODMAN, name="docker"), JOB)
    assert docker[docker.index("--user") + 1] == f"{os.geteuid()}:{os.getegid()}"


def test_podman_that_answers_to_dockers_name_is_called_as_podman() -> None:
    alias = replace(PODMAN, name="docker", version="podman version 4.3.1")
    assert command(alias, JOB) == ["docker", *command(PODMAN, JOB)[1:]]
    assert runtimes.ending(alias, "x") == ["docker", *runtimes.ending(PODMAN, "x")[1:]]


def test_podmans_own_program_does_not_heed_what_is_meant_for_the_converter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/of/mine")
    assert environment(PODMAN, JOB)["HOME"] == "/home/of/mine"
    assert "KEY" not in environment(PODMAN, JOB)


def test_apptainers_images_are_files_unless_they_are_fetched(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"the image .*/images/no\.img cannot be read"):
        images.pinned("apptainer", "images/no.img", tmp_path)


def test_a_command_takes_the_place_of_the_entry_point() -> None:
    words = command(PODMAN, replace(JOB, has_entry=False, words=["convert", "-x"]))
    assert words[words.index("--entrypoint") + 1] == "convert"
    assert words[-2:] == ["localhost/x", "-x"]


def test_a_host_tool_gets_a_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMERO_PASSWORD", "x")
    found = environment(Runtime("host"), JOB)
    assert set(found) == {"PATH", "LANG", "HOME", "TMPDIR", "KEY", "OMERO_INGEST_CONVERSION"}
    assert found["HOME"] == "/tmp"
    assert environment(Runtime("host"), replace(JOB, environment={}))["HOME"] == "/scratch/tmp"


def test_a_runtimes_own_program_gets_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMERO_PASSWORD", "APPTAINERENV_X", "SINGULARITYENV_X", "APPTAINER_MOUNT"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("CONTAINERS_CONF", "kept")
    found = environment(Runtime("apptainer"), JOB)
    assert "OMERO_PASSWORD" not in found
    assert not {"APPTAINERENV_X", "SINGULARITYENV_X", "APPTAINER_MOUNT"} & set(found)
    assert found["CONTAINERS_CONF"] == "kept"
    assert found["APPTAINERENV_KEY"] == "secret value"
    assert found["APPTAINER_TMPDIR"] == str(JOB.temporary)


def test_what_could_not_be_enforced_is_said() -> None:
    weak = Runtime("podman", memory="")
    assert runtimes.described(weak, JOB)["network"] == "not enforced"
    assert runtimes.described(weak, JOB)["memory"] == "not enforced"
    assert runtimes.described(PODMAN, JOB)["network"] == "off"
    assert runtimes.described(PODMAN, replace(JOB, network=True))["network"] == "allowed"
    assert runtimes.described(Runtime("host"), JOB)["files"] == "not enforced"


def test_a_limit_that_podman_ignores_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    podman = tmp_path / "podman"
    podman.write_text(
        "#!/bin/sh\ncase $* in --version) echo podman version 4.3.1 ;; *--memory*)\n"
        "echo Resource limits are not supported and ignored on cgroups V1 rootless systems >&2;;"
        "esac"
    )
    podman.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = runtimes.probe("podman", str(tmp_path))
    assert isinstance(found, Runtime)
    assert (found.memory, found.network_off) == ("watched", ("--network", "none"))


def test_without_any_runtime_the_row_fails_with_what_each_one_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    described = {"c": {"image": "docker://x/y:1", "contract": "biomero"}}
    with pytest.raises(StageError) as caught:
        choose(load({"converters": described}).converters["c"], tmp_path)
    for name in ("apptainer", "podman", "docker"):
        assert f"{name}: it is not installed" in caught.value.cause
    assert "Install apptainer or podman" in caught.value.remedy


def test_an_image_that_is_not_there_is_to_be_put_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "apptainer").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    described = {"c": {"image": "/images/no.sif", "contract": "biomero"}}
    with pytest.raises(StageError, match=r"the image /images/no\.sif cannot be read") as caught:
        choose(load({"converters": described}).converters["c"], tmp_path)
    assert "Put it in its place" in caught.value.remedy


def test_an_image_cannot_be_asked_for_without_its_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StageError, match="podman cannot be run on this node"):
        images.pinned("podman", "localhost/x", tmp_path)
