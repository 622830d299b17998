"""Images from a registry: brought once to `<results>/images`, as files that apptainer runs.

The registry is asked which digest a tag stands for, and that digest is pulled, so that what runs is
what is recorded. Source: the OCI distribution specification (manifests, and its token scheme).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from ingest.conversion import runtimes
from ingest.fileset import StageError

_SECONDS = 30
_ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.list.v2",
        "docker.distribution.manifest.v2",
    )
)  # fmt: skip


def fetched(name: str, folder: Path, earlier: dict[str, Any]) -> tuple[str, str, str]:
    """The file of an image, its digest, and how it looks: the digest once more.

    A registry that cannot be asked (or that the name leaves to apptainer) has what it had before;
    an image that was never fetched then is known by the digest of its file. Raises StageError when
    it cannot be had.
    """
    try:
        digest = resolved(name)
    except (OSError, ValueError, KeyError):
        digest = str(earlier.get("digest", ""))
    path = _path(folder, name, digest)
    if digest and path.exists():
        return str(path), digest, digest
    pulled = _pulled(_at(name, digest), folder)
    if not digest:
        digest = file_digest(pulled)
        path = _path(folder, name, digest)
    pulled.rename(path)
    return str(path), digest, digest


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def resolved(name: str) -> str:
    """The digest of the manifest that `docker://host/repository:tag` (or `oras://`) stands for.

    Empty where the name has no host: apptainer knows which one is meant. Raises OSError when the
    registry does not answer, ValueError or KeyError when its answer is none.
    """
    reference = name.partition("://")[2]
    if "@" in reference:
        return reference.partition("@")[2]
    host, _, rest = reference.partition("/")
    if not rest or not re.search(r"[.:]|^localhost$", host):
        return ""
    repository, _, tag = rest.partition(":")
    scheme = "http" if os.environ.get("APPTAINER_NOHTTPS") else "https"
    url = f"{scheme}://{host}/v2/{repository}/manifests/{tag or 'latest'}"
    try:
        return _digest(url, {})
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        token = _token(error.headers["WWW-Authenticate"])
        return _digest(url, {"Authorization": f"Bearer {token}"})


def _digest(url: str, headers: dict[str, str]) -> str:
    asked = urllib.request.Request(url, headers={"Accept": _ACCEPT, **headers}, method="HEAD")
    with urllib.request.urlopen(asked, timeout=_SECONDS) as answer:
        digest = str(answer.headers["Docker-Content-Digest"])
    if not re.fullmatch(r"[a-z0-9]+:[0-9a-f]{32,}", digest):
        raise ValueError(f"{url} answered with the digest {digest!r}")
    return digest


def _token(challenge: str) -> str:
    """An anonymous token, as the challenge of an answer 401 says where to get it."""
    facts = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    query = urllib.parse.urlencode(
        {key: facts[key] for key in ("service", "scope") if key in facts}
    )
    with urllib.request.urlopen(f"{facts['realm']}?{query}", timeout=_SECONDS) as answer:
        found = json.load(answer)
    return str(found.get("token") or found["access_token"])


def _at(name: str, digest: str) -> str:
    """The name with a digest in place of its tag; as it is without one."""
    if not digest or "@" in name:
        return name
    scheme, _, reference = name.partition("://")
    host, slash, rest = reference.rpartition("/")
    return f"{scheme}://{host}{slash}{rest.partition(':')[0]}@{digest}"


def _path(folder: Path, name: str, digest: str) -> Path:
    readable = re.sub(r"[^A-Za-z0-9.-]+", "-", name.rpartition("/")[2])[:60]
    return folder / f"{readable}-{digest.replace(':', '-')}.sif"


def _pulled(name: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{uuid.uuid4().hex}.partial"
    try:
        runtimes.apptainer_client().pull(image=name, name=str(part), quiet=True)
    except SystemExit:  # spython's way to refuse a name
        part.unlink(missing_ok=True)
    if not part.exists():
        raise StageError(
            f"the image {name} could not be pulled",
            f"Try `apptainer pull {name}` on this node; without a network to the registry, copy "
            "the image there as a .sif file and name that.",
        )
    return part
