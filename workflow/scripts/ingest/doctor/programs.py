"""Converters: whether their runtime and image are there. Nothing is pulled to find out."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.error import HTTPError

from ingest.conversion import images, registry, runtimes
from ingest.conversion.options import Converter
from ingest.conversion.runtimes import Runtime
from ingest.doctor.findings import Finding, Status

CHECK = "converters"


def converters(configured: Mapping[str, Converter], asked: Collection[str]) -> Iterator[Finding]:
    """What does not work is to be mended where a row asks for it."""
    for name, converter in configured.items():
        bad: Status = "fix" if name in asked else "warn"
        unused = "" if name in asked else " (no row asks for it)"
        if converter.runtime == "host":
            yield _on_host(name, converter, bad, unused)
        else:
            yield _in_container(name, converter, bad, unused)


def _on_host(name: str, converter: Converter, bad: Status, unused: str) -> Finding:
    word = shlex.split(converter.command)[0]
    if "{" in word:
        return Finding("note", CHECK, f"{name}: its program is told by the row: {word}")
    found = shutil.which(word)
    if found:
        return Finding("ok", CHECK, f"{name}: {found}, on this host")
    return Finding(
        bad,
        CHECK,
        f"{name}: the program {word} is not installed on this host{unused}",
        "Install it on every node that converts, or correct the converter's `command`.",
    )


def _in_container(name: str, converter: Converter, bad: Status, unused: str) -> Finding:
    suitable = runtimes.suitable(converter)
    there = [runtime for runtime in suitable if runtimes.program(runtime)]
    if not there:
        return Finding(
            bad,
            CHECK,
            f"{name}: no container runtime for {converter.image} is installed here: "
            f"{' or '.join(suitable)}{unused}",
            f"Install {' or '.join(suitable)} on every node that converts, or set the "
            "converter's `runtime`.",
        )
    said: list[str] = []
    doubtful: Finding | None = None
    for runtime in there:
        found = _usable(runtime, converter.image)
        if isinstance(found, str):
            said.append(f"{runtime}: {found}")
            continue
        told = Finding(found.status, CHECK, f"{name}: {found.finding}{unused}", found.remedy)
        if found.status == "ok":
            return told
        doubtful = doubtful or told
    if doubtful:
        return doubtful
    return Finding(
        bad,
        CHECK,
        f"{name}: the image {converter.image} cannot be used{unused}: {'; '.join(said)}",
        "Put the image in its place (or load it: podman load, docker load) on every node that "
        "converts, or correct the converter's `image`.",
    )


def _usable(runtime: str, image: str) -> Finding | str:
    """A finding that it will do, or why it will not."""
    if runtime == "apptainer" and runtimes.is_in_registry(image):
        return _in_registry(runtime, image)
    used = images.usable(runtime, image)
    if runtime == "apptainer":
        if not Path(used).exists():
            return f"there is no {used}"
    else:
        said = _image_there(runtime, used)
        if said and image.startswith("docker://"):
            return Finding(
                "warn",
                CHECK,
                f"{runtime} has no image {used} yet: the first conversion will pull it",
                f"Pull it now on every node that converts: {runtime} pull {used}",
            )
        if said:
            return said
    found = runtimes.probe(runtime, used)
    if isinstance(found, Runtime):
        return Finding("ok", CHECK, f"{found.version or runtime} runs {image}")
    return found


def _in_registry(runtime: str, image: str) -> Finding:
    """Not "there is none": a run may have fetched it before, and then needs no registry."""
    try:
        digest = registry.resolved(image)
    except HTTPError as error:
        return Finding(
            "warn",
            CHECK,
            f"the registry does not give {image} away: {error.code} {error.reason}",
            "Correct the converter's `image`, or name a .sif file.",
        )
    except (OSError, ValueError, KeyError):
        return Finding(
            "warn",
            CHECK,
            f"the registry of {image} gives no answer: it can only be used if an earlier run has "
            "fetched it",
            "Check the name, and the way to the registry; or name a .sif file.",
        )
    return Finding("ok", CHECK, f"{runtime} will fetch {image} {digest[:19]}".strip())


def _image_there(runtime: str, image: str) -> str:
    ask = [runtime, "image", "inspect", "--format", "{{.Id}}", image]
    try:
        done = subprocess.run(
            ask,
            env=runtimes.client_environment(),
            capture_output=True,
            text=True,
            timeout=runtimes.PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else " ".join(done.stderr.split())[-200:] or "no such image"
