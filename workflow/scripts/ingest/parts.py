"""A row whose converter made several filesets: each of them is imported by itself.

What OMERO calls a Fileset is what its first file leads Bio-Formats to. Outputs that have nothing to
do with each other are no such set, so the row becomes several imports, one after another. The first
bears the row's id in the journal, the others `<id>+2`, `<id>+3`, ...: no row's id has a plus sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ingest.fileset import Fileset, Record

# What an import adds to a record's facts, and a part has for itself.
_OWN = (
    "fileset_id", "image_ids", "plate_ids", "pixels_ids", "import_id", "server_digests",
    "repository_files", "found_fileset",
)  # fmt: skip
# Who may do what with files, by their names in the record: as the import was given them, where they
# came from when that is elsewhere, and in OMERO's repository.
_ACCESS = ("access", "source_access", "repository_access")


def row_id(fileset_id: str) -> str:
    """The row that a part belongs to."""
    return fileset_id.partition("+")[0]


def split(fileset: Fileset, upstream: Record) -> list[tuple[Fileset, Record]]:
    """The imports that a row means, each as a row with the record it would have by itself."""
    parts: Sequence[dict[str, Any]] = upstream.facts.get("conversion", {}).get("parts", ())
    if not parts:
        return [(fileset, upstream)]
    rest = list(upstream.files)
    made = []
    for number, part in enumerate(parts, start=1):
        files, rest = tuple(rest[: len(part["files"])]), rest[len(part["files"]) :]
        identity = fileset.id if number == 1 else f"{fileset.id}+{number}"
        facts = {key: part[key] for key in ("reader", "format", "is_plate")}
        made.append(
            (
                replace(fileset, id=identity, name=fileset.name or part["name"]),
                replace(upstream, files=files, facts={**upstream.facts, **facts}),
            )
        )
    return made


def joined(fileset: Fileset, upstream: Record, records: Sequence[Record]) -> Record:
    """The record of the row, from those of its parts; `imports` tells them apart."""
    if len(records) == 1:
        return replace(records[0], fileset=fileset.id)
    imported = [record for record in records if "fileset_id" in record.facts] or list(records)
    facts: dict[str, Any] = dict(imported[0].facts)
    for key in ("image_ids", "plate_ids", "pixels_ids"):
        if key in facts:
            facts[key] = [number for record in imported for number in record.facts[key]]
    for key in ("server_digests", "repository_files", *_ACCESS):
        if key in facts:
            facts[key] = {
                name: value for record in imported for name, value in record.facts[key].items()
            }
    facts["imports"] = [
        {key: record.facts[key] for key in _OWN if key in record.facts} for record in records
    ]
    for key in ("reader", "format", "is_plate"):
        facts[key] = upstream.facts[key]
    return replace(imported[0], fileset=fileset.id, files=upstream.files, facts=facts)


def imports(record: Record) -> list[dict[str, Any]]:
    """The facts of each import of a row that was imported, in the order of its parts."""
    found: list[dict[str, Any]] = record.facts.get("imports", [])
    return found or [{key: record.facts[key] for key in _OWN if key in record.facts}]
