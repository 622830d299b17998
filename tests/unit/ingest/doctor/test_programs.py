"""Converters: no runtime, no image, no program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.config import load
from ingest.doctor.programs import converters
from tests.unit.ingest.doctor.places import faults, statuses


def converter(**options: Any) -> Any:
    options = {"command": "convert {input} {output}/a.tif", **options}
    return load({"converters": {"c": options}}).converters


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_no_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = list(converters(converter(image="lab/tool"), {"c"}))
    assert "no container runtime" in faults(found)[0]
    assert "Install podman or docker" in found[0].remedy
    assert statuses(converters(converter(image="lab/tool"), ())) == {"warn"}  # no row asks


def test_image_that_podman_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "podman", 'test "$1" = image && { echo "no such image" >&2; exit 125; }')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = list(converters(converter(image="lab/tool", runtime="podman"), {"c"}))
    assert "lab/tool" in faults(found)[0] and "no such image" in faults(found)[0]
    found = list(converters(converter(image="docker://lab/tool", runtime="podman"), {"c"}))
    assert statuses(found) == {"warn"} and "podman pull lab/tool" in found[0].remedy


def test_image_file_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "bin" / "apptainer", "echo apptainer version 1")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    image = tmp_path / "tool.sif"
    (fault,) = faults(converters(converter(image=str(image)), {"c"}))
    assert f"there is no {image}" in fault
    image.write_text("an image that the program above takes")
    assert statuses(converters(converter(image=str(image)), {"c"})) == {"ok"}


def test_runtime_that_does_not_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "bin" / "apptainer", "echo cannot create namespace >&2; exit 255")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    image = tmp_path / "broken.sif"
    image.write_text("x")
    (fault,) = faults(converters(converter(image=str(image)), {"c"}))
    assert "cannot create namespace" in fault


def test_program_on_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = converter(runtime="host", command="mytool {input} {output}/a.tif")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "mytool is not installed" in faults(converters(own, {"c"}))[0]
    script(tmp_path / "mytool", "true")
    assert statuses(converters(own, {"c"})) == {"ok"}
