"""Images: what a name stands for, by digest, and whether that is still what it was.

`<results>/images/<name>.json` remembers the digest an image had when it was used last, and for a
file or folder how it looked from outside then, so that gigabytes are read only when it changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.atomic import write_text
from ingest.conversion import registry, runtimes
from ingest.conversion.registry import file_digest
from ingest.fileset import StageError

_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it is run: `used` is what the runtime is given, `digest` what is in it.

    `before` is the digest it had when it was last used, if that was another one.
    """

    name: str
    used: str
    digest: str
    before: str = ""


def usable(runtime: str, name: str) -> str:
    """The name under which a runtime knows an image."""
    if runtime != "apptainer":
        return name.removeprefix("docker://")
    return name if runtimes.is_in_registry(name) else str(Path(name).expanduser().absolute())


def pinned(runtime: str, name: str, results: Path) -> Image:
    """The image that `name` stands for now. It is remembered; what it was before is told.

    Raises StageError when there is no such image.
    """
    memory = results / "images" / f"{_slug(f'{runtime} {name}')}.json"
    with _LOCK:  # the threads of a job ask at once for the same image
        earlier = _remembered(memory)
        if runtime == "apptainer":
            used, digest, looks = _apptainer(name, results, earlier)
        else:
            used, digest, looks = *_inspected(runtime, usable(runtime, name)), ""
        before = str(earlier.get("digest", ""))
        if (digest, looks) != (before, earlier.get("looks", "")):
            previous = before if before not in ("", digest) else earlier.get("previous", "")
            memory_of = {"image": name, "digest": digest, "looks": looks, "previous": previous}
            write_text(memory, json.dumps(memory_of, indent=1) + "\n")
    return Image(name, used, digest, before if before not in ("", digest) else "")


def check_unchanged(runtime: str, image: Image, results: Path) -> None:
    """Raises StageError when the file or folder of an image was replaced while it was in use.

    What is run of a registry, or by podman and docker, is a digest and no name.
    """
    if runtime != "apptainer" or runtimes.is_in_registry(image.name):
        return
    now = pinned(runtime, image.name, results).digest
    if now != image.digest:
        raise StageError(
            f"the image {image.name} was replaced while it ran: it was {image.digest}, it is {now}",
            "Nothing of it is kept. Run the same command again, which converts with the new one.",
        )


def _apptainer(name: str, results: Path, earlier: dict[str, Any]) -> tuple[str, str, str]:
    """What apptainer is to run, its digest, and how it looks from outside."""
    if runtimes.is_in_registry(name):
        return registry.fetched(name, results / "images", earlier)
    path = Path(usable("apptainer", name))
    try:
        looks = _looks(path)
        if looks == earlier.get("looks"):
            return str(path), str(earlier["digest"]), looks
        digest = _folder_digest(path) if path.is_dir() else file_digest(path)
    except OSError as error:
        raise StageError(
            f"the image {error.filename or path} cannot be read: {error.strerror or error}",
            "Put it in its place (readable on every node), or correct the converter's `image`.",
        ) from None
    return str(path), digest, looks


def _inspected(runtime: str, name: str) -> tuple[str, str]:
    """The id of an image that podman or docker has, or pulls: it names its very content."""
    ask = ("image", "inspect", "--format", "{{.Id}}", name)
    found = _called(runtime, *ask)
    if found.returncode:
        pulled = _called(runtime, "pull", "--quiet", name)
        found = _called(runtime, *ask)
        if found.returncode:
            raise StageError(
                f"{runtime} has no image {name}, and could not pull it: "
                + " ".join((pulled.stderr or found.stderr).split())[-500:],
                f"Build or load it on this node ({runtime} load), or correct the converter's "
                "`image`.",
            )
    identity = found.stdout.strip().removeprefix("sha256:")
    return identity, f"sha256:{identity}"


def _called(runtime: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = runtimes.client_environment()
    try:
        return subprocess.run(
            [runtime, *words], env=environment, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise StageError(
            f"{runtime} cannot be run on this node: {error.strerror}",
            "Install it there, or correct the converter's `runtime`.",
        ) from None


def _looks(path: Path) -> str:
    """Names, sizes, modes and times of an image's files: another one looks different."""
    if not path.is_dir():
        found = path.stat()
        return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"
    digest = hashlib.sha256()
    for name, found in _entries(path):
        line = (name, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ino)
        digest.update(repr(line).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _folder_digest(path: Path) -> str:
    """A digest of a folder's names, kinds, modes and bytes."""
    digest = hashlib.sha256()
    for name, found in _entries(path):
        content = ""
        if stat.S_ISREG(found.st_mode):
            content = file_digest(path / name)
        elif stat.S_ISLNK(found.st_mode):
            content = str((path / name).readlink())
        line = repr((name, found.st_mode, content))
        digest.update(line.encode("utf-8", "surrogateescape"))
    return f"sha256:{digest.hexdigest()}"


def _entries(folder: Path) -> list[tuple[str, os.stat_result]]:
    def refuse(error: OSError) -> None:
        raise error

    entries = []
    for above, folders, files in os.walk(folder, onerror=refuse):
        for name in (*folders, *files):
            path = Path(above, name)
            entries.append((str(path.relative_to(folder)), path.lstat()))
    return sorted(entries, key=lambda entry: entry[0])


def _slug(name: str) -> str:
    readable = re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.")[-60:]
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _remembered(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
