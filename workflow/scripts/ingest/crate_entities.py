"""Entities of an RO-Crate, as the modules that describe a run add them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rocrate.model import ContextEntity, Entity, File
from rocrate.rocrate import ROCrate

# The digests for which the profile's context has a term.
DIGEST_TERMS = {"MD5-128": "md5", "SHA1-160": "sha1", "SHA2-256": "sha256", "SHA2-512": "sha512"}
COMPLETED = "http://schema.org/CompletedActionStatus"
FAILED = "http://schema.org/FailedActionStatus"


def add_collection(
    crate: ROCrate, identifier: str, name: str, files: Sequence[Entity]
) -> Entity | None:
    """The one file, or a collection of several, the first being the main one; None of none."""
    if len(files) < 2:
        return files[0] if files else None
    return add(crate, identifier, "Collection", name=name, mainEntity=files[0], hasPart=list(files))


def add_digested_file(
    crate: ROCrate,
    path: str,
    name: str,
    size: int,
    digests: Mapping[str, str],
    **properties: Any,
) -> Entity:
    """A file that lies elsewhere, of `size` bytes."""
    return add_file(
        crate,
        Path(path).as_uri(),
        name=name,
        contentSize=str(size),
        # What names content by its digest is an identifier; there are no terms for most of them.
        identifier=[f"{algorithm}:{digits}" for algorithm, digits in sorted(digests.items())],
        **{term: digests.get(algorithm) for algorithm, term in DIGEST_TERMS.items()},
        **properties,
    )


def add(crate: ROCrate, identifier: str, kind: str, /, **properties: Any) -> Entity:
    """Add a contextual entity to the crate; properties that are None or empty are left out."""
    described = {"@type": kind, **_compact(properties)}
    entity: Entity = crate.add(ContextEntity(crate, identifier, properties=described))
    return entity


def add_file(crate: ROCrate, identifier: str, /, **properties: Any) -> Entity:
    """Add a file that is part of the crate (a relative path) or lies elsewhere (a `file:` URI)."""
    where = {"source" if ":" in identifier else "dest_path": identifier}
    entity: Entity = crate.add(File(crate, **where, properties=_compact(properties)))
    return entity


def _compact(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that have a value; a list of one as that one, as RO-Crate wants it."""
    values = {}
    for name, value in properties.items():
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, str):
            # File names that are not valid UTF-8 hold surrogates, which have no place in JSON.
            value = value.encode("utf-8", "backslashreplace").decode()
        if value not in (None, "", []):
            values[name] = value
    return values
