"""The programs that run a container image: what each is called with, and whether it works here.

Whichever it is, a converter sees its inputs below /data, read-only, and may write to /output
alone: what it writes elsewhere inside its container is thrown away with it. It has no home, none of
our environment, and no network unless its configuration asks for it.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from signal import SIGKILL
from typing import Any

from ingest.child_environment import child_environment
from ingest.conversion.options import Converter

INPUT, OUTPUT, ALTERNATIVE = "/data", "/output", "/altoutput"
PROBE_SECONDS = 120

# Apptainer and podman give a container what these say, such as the proxy's password, unasked.
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")

# Marks a host's converter and all that comes of it, also what leaves its process group.
_MARK = "OMERO_INGEST_CONVERSION"
_END_MARKED = (
    f'grep -lszxF "{_MARK}=$1" /proc/[0-9]*/environ | '
    'while IFS=/ read -r _ _ pid _; do kill -s KILL "$pid"; done'
)

# Podman of an ordinary user, with the first version of control groups, runs it all the same.
_IGNORED = "Resource limits are not supported and ignored"

# A missing program is the image's affair: whoever says so did run the image.
_RAN = ("executable file not found", "no such file or directory: true", "stat /bin/true")


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a converter.

    `words` are the command, or what comes after the image's own entry point if `has_entry`.
    `mounts` are (host path, path inside, writable); `temporary` is a folder of the host for /tmp.
    `variables` is a file with a line KEY=value for each of `environment`, for podman and docker.
    """

    image: str
    words: Sequence[str]
    has_entry: bool
    mounts: Sequence[tuple[str, str, bool]]
    temporary: Path
    environment: Mapping[str, str]
    variables: Path
    cpus: int
    memory_mb: int | None
    network: bool
    working_folder: str
    name: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime that works on this machine, and what it can enforce here.

    `network_off` and `memory` are empty where it cannot; `memory` is "watched" where we look at
    the processes ourselves, "limited" where the kernel does it.
    """

    name: str
    version: str = ""
    network_off: tuple[str, ...] = ()
    memory: str = "watched"

    @property
    def is_podman(self) -> bool:
        """Also where podman answers to docker's name."""
        return self.name == "podman" or self.version.startswith("podman")


def suitable(converter: Converter) -> list[str]:
    """The runtimes that can use the kind of image the converter names."""
    if converter.runtime != "auto":
        return [converter.runtime]
    if converter.image.startswith("docker://"):
        return ["apptainer", "podman", "docker"]
    if converter.image.startswith("oras://") or is_path(converter.image):
        return ["apptainer"]
    return ["podman", "docker"]


def is_in_registry(image: str) -> bool:
    """Whether an image is to be fetched; for apptainer any other is a path."""
    return "://" in image


def is_path(image: str) -> bool:
    """Whether an image is a file or folder of the host, not a name."""
    is_named_so = image.endswith(".sif") or image.startswith(("/", "./", "../", "~"))
    return is_named_so or ("/" in image and Path(image).is_dir())


def program(runtime: str) -> str:
    """The path of a runtime's program; empty when it is not installed."""
    found = shutil.which(runtime)
    if found is None and runtime == "apptainer":
        found = shutil.which("singularity")
    return found or ""


@lru_cache(maxsize=64)
def probe(name: str, image: str) -> Runtime | str:
    """The runtime if it can run this image, else what it said; asked once per job."""
    version = _said([program(name), "--version"])[1].splitlines()
    runtime = Runtime(name, version[0] if version else "")
    if name == "apptainer":
        return _probe_apptainer(runtime, image)
    return _probe_docker_like(runtime, image)


def _probe_apptainer(runtime: Runtime, image: str) -> Runtime | str:
    off = ("--net", "--network", "none")
    status, words = _said(_apptainer(replace(_PROBE, image=image), off))
    if _works(status, words):
        return replace(runtime, network_off=off)
    status, words = _said(_apptainer(replace(_PROBE, image=image), ()))
    return runtime if _works(status, words) else _short(words)


def _probe_docker_like(runtime: Runtime, image: str) -> Runtime | str:
    off = ("--network", "none")
    job = replace(_PROBE, image=image, memory_mb=64)
    status, words = _said(docker_like(runtime, job, off, "limited"))
    if _works(status, words) and _IGNORED not in words:
        return replace(runtime, network_off=off, memory="limited")
    job = replace(job, memory_mb=None)
    for flags in (off, ()):
        status, words = _said(docker_like(runtime, job, flags, ""))
        if _works(status, words):
            watched = "watched" if runtime.is_podman else ""  # docker's are no children of ours
            return replace(runtime, network_off=flags, memory=watched)
    return _short(words)


def _works(status: int, words: str) -> bool:
    return status == 0 or any(sign in words for sign in _RAN)


def _said(command: Sequence[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command,
            env=client_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    words = (done.stdout + done.stderr).decode(errors="replace")
    return done.returncode, words


def _short(words: str) -> str:
    return " ".join(words.split())[-500:] or "it failed without a word"


@lru_cache(maxsize=64)
def _own_working_folder(image: str) -> str:
    """Where an image that was Docker's wants to run, which apptainer knows but does not heed."""
    if not Path(image).is_file():
        return ""
    _, listed = _said([program("apptainer"), "sif", "list", image])
    for number in re.findall(r"^(\d+) +\|.*JSON\.Generic", listed, re.MULTILINE):
        try:
            found = json.loads(_said([program("apptainer"), "sif", "dump", number, image])[1])
        except ValueError:
            continue
        folder = found.get("WorkingDir", "") if isinstance(found, dict) else ""
        if folder:
            return str(folder)
    return ""


@lru_cache(maxsize=1)
def apptainer_client() -> Any:
    from spython.main import get_client

    return get_client(quiet=True)


def command(runtime: Runtime, job: Job) -> list[str]:
    """What to execute on this machine to have `job` done."""
    off = () if job.network else runtime.network_off
    if runtime.name == "host":
        return list(job.words)
    if runtime.name == "apptainer":
        return _apptainer(job, off)
    return docker_like(runtime, job, off, runtime.memory)


def ending(runtime: Runtime, name: str) -> list[str]:
    """A command that ends what may outlive the group of the job `name`; none where nothing can."""
    if runtime.is_podman:
        return [runtime.name, "rm", "--force", "--time", "0", name]  # else it waits for 10 s
    if runtime.name == "docker":
        return ["docker", "rm", "--force", name]
    if runtime.name == "host":
        return ["/bin/sh", "-c", _END_MARKED, "sh", name]
    return []


def environment(runtime: Runtime, job: Job) -> dict[str, str]:
    """The environment to execute `command` in."""
    if runtime.name == "host":
        temporary = str(job.temporary)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": temporary,
            "TMPDIR": temporary,
            **job.environment,
            _MARK: job.name,
        }
    own = {}
    if runtime.name == "apptainer":
        # On the command line everybody on the machine could read the values.
        own = {f"APPTAINERENV_{key}": value for key, value in job.environment.items()}
        own.pop("APPTAINERENV_HOME", None)  # it takes that from its command line alone
        own["APPTAINER_CACHEDIR"] = str(job.temporary / "cache")
        # Where it unpacks an image that it cannot mount; when it is killed it leaves that behind.
        own["APPTAINER_TMPDIR"] = str(job.temporary)
    ours = client_environment()
    return {key: value for key, value in ours.items() if key.lower() not in _PROXIES} | own


def client_environment() -> dict[str, str]:
    """Our environment for a runtime's own program, without what is secret or meant for a container
    that somebody else starts."""
    return {
        key: value
        for key, value in child_environment().items()
        if not key.startswith(("APPTAINERENV_", "SINGULARITYENV_"))
        and not re.fullmatch("(APPTAINER|SINGULARITY)_(BIND|BINDPATH|MOUNT)", key)
    }


def _apptainer(job: Job, network: Sequence[str]) -> list[str]:
    words = apptainer_client()._init_command("run" if job.has_entry else "exec", ["--silent"])
    words[0] = program("apptainer")  # spython knows it by its former name
    # --no-privs: root could mount its inputs anew, writable. --no-eval: an image that was Docker's
    # would have a shell evaluate its arguments, and with them the names of files.
    words += ["--containall", "--no-home", "--no-privs", "--no-eval", "--writable-tmpfs", *network]
    # An ordinary user's own home is no folder inside, and many a tool wants to write there.
    words += ["--home", job.environment.get("HOME", "/tmp")]
    words += ["--workdir", str(job.temporary)] if job.mounts else []
    words += ["--cwd", job.working_folder or _own_working_folder(job.image) or "/tmp"]
    for mount in job.mounts:
        words += ["--mount", _mount(*mount, read_only="ro")]
    return [*words, job.image, *job.words]


def docker_like(runtime: Runtime, job: Job, network: Sequence[str], memory: str) -> list[str]:
    """The command for podman or docker."""
    words = [runtime.name, "run", "--rm", "--security-opt", "no-new-privileges", *network]
    words += ["--name", job.name] if job.name else []
    if memory == "limited" and job.memory_mb:
        words += ["--memory", f"{job.memory_mb}m", "--memory-swap", f"{job.memory_mb}m"]
    if runtime.is_podman:
        # Podman's root is whoever runs it: what is written belongs to us, whatever the image says.
        words += ["--pull", "never", "--user", "0:0"]
    else:
        words += ["--user", f"{os.geteuid()}:{os.getegid()}"]
    if job.working_folder:
        words += ["--workdir", job.working_folder]
    if job.environment:
        # Not from our own environment, where HOME or PATH would be heeded by podman itself.
        words += ["--env-file", str(job.variables)]
    mounts = [*job.mounts, (str(job.temporary), "/tmp", True)] if job.mounts else []
    for mount in mounts:
        words += ["--mount", _mount(*mount, read_only="readonly")]
    if not job.has_entry:
        first, *rest = job.words
        return [*words, "--entrypoint", first, job.image, *rest]
    return [*words, job.image, *job.words]


def _mount(host: str, inside: str, writable: bool, read_only: str) -> str:
    """A mount as both families write it: values separated by commas, quoted as in CSV."""
    text = io.StringIO()
    values = ["type=bind", f"source={host}", f"destination={inside}"]
    csv.writer(text, lineterminator="").writerow(values + ([] if writable else [read_only]))
    return text.getvalue()


_PROBE = Job(
    image="",
    words=["true"],
    has_entry=False,
    mounts=(),
    temporary=Path("/tmp"),
    environment={},
    variables=Path("/dev/null"),
    cpus=1,
    memory_mb=None,
    network=False,
    working_folder="",
    name="",
)


def out_of_memory(runtime: Runtime, job: Job, status: int) -> bool:
    """Whether the kernel ended a container for its memory, given the status it ended with.

    Podman does not always come to know of it; but then nobody else sends that signal.
    """
    return runtime.memory == "limited" and job.memory_mb is not None and status == 128 + SIGKILL


def described(runtime: Runtime, job: Job) -> dict[str, str]:
    """How a job was kept in its place, for the record."""
    network = "allowed" if job.network else "off" if runtime.network_off else "not enforced"
    memory = (runtime.memory or "not enforced") if job.memory_mb else "no limit"
    is_host = runtime.name == "host"
    return {
        "name": runtime.name,
        "version": runtime.version,
        "network": network,
        "memory": memory,
        "files": "not enforced" if is_host else "inputs read-only, output folder writable",
    }
